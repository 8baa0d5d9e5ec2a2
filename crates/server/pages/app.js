// What every page shares: two languages, two themes, logs, copying.
//
// A text is written in the page in English and carries its Chinese in `data-zh`; an attribute
// carries it in `data-zh-<attribute>`. The English is kept in `data-en` once it was exchanged.

const TRANSLATED_ATTRIBUTES = ['placeholder', 'aria-label', 'title', 'content', 'data-empty'];
const LOG_LIMIT = 300;

const root = document.documentElement;

export const byId = (id) => document.getElementById(id);

export function language() {
  return root.lang.startsWith('zh') ? 'zh' : 'en';
}

/** Picks the text of the current language. */
export function pick(en, zh) {
  return language() === 'zh' ? zh : en;
}

/** Gives an element a text in both languages; it follows later switches. */
export function say(element, en, zh) {
  element.dataset.en = en;
  element.dataset.zh = zh;
  element.textContent = pick(en, zh);
}

/** Gives an attribute a text in both languages; it follows later switches. */
export function sayAttribute(element, name, en, zh) {
  element.setAttribute(`data-en-${name}`, en);
  element.setAttribute(`data-zh-${name}`, zh);
  element.setAttribute(name, pick(en, zh));
}

/** Puts every text under `scope` into the current language. */
export function translate(scope) {
  for (const element of scope.querySelectorAll('[data-zh]')) {
    if (element.dataset.en === undefined) {
      element.dataset.en = element.textContent;
    }
    element.textContent = element.dataset[language()];
  }
  for (const name of TRANSLATED_ATTRIBUTES) {
    for (const element of scope.querySelectorAll(`[data-zh-${name}]`)) {
      if (!element.hasAttribute(`data-en-${name}`)) {
        element.setAttribute(`data-en-${name}`, element.getAttribute(name) || '');
      }
      element.setAttribute(name, element.getAttribute(`data-${language()}-${name}`));
    }
  }
}

/** Tells a screen reader something that the eye sees elsewhere. */
export function announce(en, zh) {
  const live = byId('announcer');
  if (live) {
    say(live, en, zh);
  }
}

function remember(key, value) {
  try {
    if (value === null) {
      window.localStorage.removeItem(key);
    } else {
      window.localStorage.setItem(key, value);
    }
  } catch (error) {
    // Storage is switched off: the choice holds for this page only.
  }
}

function recall(key) {
  try {
    return window.localStorage.getItem(key);
  } catch (error) {
    return null;
  }
}

function setUpLanguage() {
  translate(document);
  root.classList.remove('translating');
  const button = byId('language-toggle');
  if (!button) {
    return;
  }
  const show = () => {
    button.textContent = pick('中文', 'English');
    button.lang = pick('zh-CN', 'en');
    button.setAttribute('aria-label', pick('切换到中文', 'Switch to English'));
  };
  show();
  button.addEventListener('click', () => {
    const next = language() === 'zh' ? 'en' : 'zh';
    remember('campanile.language', next);
    root.lang = next === 'zh' ? 'zh-CN' : 'en';
    translate(document);
    show();
    document.dispatchEvent(new CustomEvent('languagechange'));
  });
}

function setUpTheme() {
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  const systemTheme = () => (system.matches ? 'dark' : 'light');
  const button = byId('theme-toggle');
  const show = (theme) => {
    root.dataset.theme = theme;
    if (button) {
      const dark = theme === 'dark';
      sayAttribute(
        button,
        'aria-label',
        dark ? 'Use the light theme' : 'Use the dark theme',
        dark ? '改用浅色' : '改用深色',
      );
    }
  };
  show(root.dataset.theme || systemTheme());
  system.addEventListener('change', () => {
    if (recall('campanile.theme') === null) {
      show(systemTheme());
    }
  });
  if (button) {
    button.addEventListener('click', () => {
      const next = root.dataset.theme === 'dark' ? 'light' : 'dark';
      // Coming back to what the system prefers means following the system again.
      remember('campanile.theme', next === systemTheme() ? null : next);
      show(next);
    });
  }
}

/** The address of an endpoint of this server, in the scheme that fits the page's. */
export function socketUrl(path) {
  const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${window.location.host}${path}`;
}

/** Quotes a text as POSIX shells read it. */
function shellQuote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Shows the command that publishes `message` to `userId` from a terminal. It is one line, so that
 * it works in every shell; each argument is an element, so that it wraps between arguments.
 */
export function showPublishCommand(element, userId, message) {
  const argumentTexts = [
    `curl -G ${shellQuote(`${window.location.origin}/socket/publish`)}`,
    `--data-urlencode ${shellQuote(`userId=${userId}`)}`,
    `--data-urlencode ${shellQuote(`message=${message}`)}`,
  ];
  element.replaceChildren();
  for (const text of argumentTexts) {
    const span = document.createElement('span');
    span.textContent = text;
    element.append(element.hasChildNodes() ? ' ' : '', span);
  }
}

/** Local time as HH:mm:ss, the way the server writes it. */
export function timeOfDay(date) {
  const two = (number) => String(number).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * Adds a line to a log and keeps the newest in sight, unless the reader has scrolled up.
 * `parts` are [className, text] or [className, english, chinese]; texts are never markup.
 */
export function addLine(log, kind, parts) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const item = document.createElement('li');
  item.className = kind;
  for (const [className, en, zh] of parts) {
    const span = document.createElement('span');
    span.className = className;
    if (zh === undefined) {
      span.textContent = en;
    } else {
      say(span, en, zh);
    }
    item.append(span);
  }
  const now = new Date();
  const time = document.createElement('time');
  time.dateTime = now.toISOString();
  time.textContent = timeOfDay(now);
  item.append(time);
  log.append(item);
  while (log.children.length > LOG_LIMIT) {
    log.firstElementChild.remove();
  }
  if (atEnd) {
    log.scrollTop = log.scrollHeight;
  }
  return item;
}

async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Pages served over plain HTTP to another machine have no clipboard interface.
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) {
    throw new Error('copying is not allowed');
  }
}

/** Makes a button copy the text of `source`. */
export function setUpCopy(button, source) {
  const restore = () => say(button, 'Copy', '复制');
  let timer = 0;
  button.addEventListener('click', async () => {
    try {
      await copyText(source.textContent);
      say(button, 'Copied', '已复制');
      announce('Copied to the clipboard.', '已复制到剪贴板。');
    } catch (error) {
      const selection = window.getSelection();
      selection.selectAllChildren(source);
      say(button, 'Press Ctrl+C', '请按 Ctrl+C');
      announce('The text is selected; copy it with the keyboard.', '文字已选中，请用键盘复制。');
    }
    button.focus();
    window.clearTimeout(timer);
    timer = window.setTimeout(restore, 2000);
  });
}

/** The element that a template calls `name`. */
export function part(scope, name) {
  return scope.querySelector(`[data-part="${name}"]`);
}

/** A copy of a template's only element; each part gets the id `prefix-name`. */
export function stamp(templateId, prefix) {
  const copy = byId(templateId).content.cloneNode(true);
  for (const element of copy.querySelectorAll('[data-part]')) {
    element.id = `${prefix}-${element.dataset.part}`;
  }
  translate(copy);
  const element = copy.firstElementChild;
  element.id = prefix;
  return element;
}

setUpLanguage();
setUpTheme();
