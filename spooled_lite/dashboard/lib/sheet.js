// A style sheet that one page alone needs, at the top of its script: `await sheet("dead.css")`. Without it the
// page is plain, and works.

import { el } from "./dom.js";

export const sheet = name => new Promise(done => {
  document.head.append(el.link({ rel: "stylesheet", href: new URL(`../${name}`, import.meta.url).href, onload: done, onerror: done }));
});
