// Runs before the first paint: decides the language and the theme, so that neither flashes.
// It is a classic script because a module would run too late.
(function () {
  var root = document.documentElement;

  function remembered(key) {
    try {
      return window.localStorage.getItem(key);
    } catch (error) {
      return null; // storage is switched off: fall back to what the browser prefers
    }
  }

  var language = remembered('campanile.language');
  if (language !== 'zh' && language !== 'en') {
    language = /^zh\b/i.test(navigator.language || '') ? 'zh' : 'en';
  }
  root.lang = language === 'zh' ? 'zh-CN' : 'en';

  var theme = remembered('campanile.theme');
  if (theme !== 'light' && theme !== 'dark') {
    theme = window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }
  root.dataset.theme = theme;

  // The pages are written in English; a Chinese reader waits for the exchange of the texts, but
  // never for long: a script that fails to load must not leave a blank page.
  if (language === 'zh') {
    root.classList.add('translating');
    window.setTimeout(function () {
      root.classList.remove('translating');
    }, 1000);
  }
})();
