// While others still arrive: asks for the scripts of the page that is opened, and for what it reads (`index.html` says which).
// Nothing waits for it; `lib/api.js` takes the answers.
{
  const [path, query] = location.hash.slice(2).split("?"), page = document.getElementsByName(`page/${path}`)[0];
  const files = document.currentScript.src.replace("first.js", "");
  for (const name of page?.content.split(" ") ?? []) document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href: `${files}${name}.js` }));
  let token = null;
  try {
    token = sessionStorage.getItem("spooled.access_token");
  } catch { /* in memory alone */ }
  window.begun = new Map(token && page && !query ? page.dataset.reads.split(" ").map(name => {
    const url = new URL(`api/v1/${name}`, document.baseURI).href;
    const answer = fetch(url, { headers: { Accept: "application/json", Authorization: `Bearer ${token}` }, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" });
    answer.catch(() => {}); // told by who takes it
    return [url, answer];
  }) : []);
}
