// The first page and the page for addresses that do not exist.

import { byId, setUpCopy, showPublishCommand, socketUrl } from '/assets/app.js';

function setUpTower() {
  const tower = document.querySelector('.tower');
  const ring = () => {
    tower.classList.remove('ringing');
    tower.getBoundingClientRect(); // makes the browser start the animation anew
    tower.classList.add('ringing');
  };
  for (const card of document.querySelectorAll('.card')) {
    card.addEventListener('pointerenter', ring);
    card.addEventListener('focus', ring);
  }
  ring();
}

if (byId('trial-command')) {
  byId('http-address').textContent = window.location.origin;
  byId('socket-address').textContent = socketUrl('');
  showPublishCommand(byId('trial-command'), '10086', 'Ding, dong! 叮咚！');
  byId('console-command').textContent =
    `new WebSocket('${socketUrl('/ws/console')}').onmessage = (event) => console.log(event.data)`;
  setUpCopy(byId('trial-copy'), byId('trial-command'));
  setUpCopy(byId('console-copy'), byId('console-command'));
  setUpTower();
}

const missing = byId('missing-path');
if (missing) {
  missing.textContent = window.location.pathname;
}
