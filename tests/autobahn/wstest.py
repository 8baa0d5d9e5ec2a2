"""Starts the Autobahn WebSocket test suite under PyPy 2.

Use: PYTHONPATH=SITE pypy wstest.py SITE ARGUMENTS-OF-WSTEST...

The suite was written for CPython 2.7 with OpenSSL bindings. Three things differ
when its packages sit in one plain folder, SITE, under PyPy:

- zope is a namespace package whose marker lives in a .pth file, which is only
  read from a real site folder;
- pyOpenSSL is absent. The suite makes a TLS context for every server, but uses
  it for wss:// only, so a module that makes none is enough for ws://;
- unittest2, a copy of Python 2.7's unittest for older versions, is not there.
"""

import os
import sys
import types
import unittest


def main():
    site = sys.argv.pop(1)

    zope = types.ModuleType("zope")
    zope.__path__ = [os.path.join(site, "zope")]
    sys.modules["zope"] = zope

    sys.modules["unittest2"] = unittest

    import twisted.internet

    tls = types.ModuleType("twisted.internet.ssl")
    tls.ClientContextFactory = lambda: None
    tls.optionsForClientTLS = lambda hostname: None
    sys.modules["twisted.internet.ssl"] = tls
    # Python 2 does not bind a module that it finds already loaded.
    twisted.internet.ssl = tls

    from autobahntestsuite import wstest

    wstest.run()


main()
