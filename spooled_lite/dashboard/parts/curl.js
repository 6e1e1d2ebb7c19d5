// "As curl": the call behind a view or an act, to copy.

import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";

const { button, span } = el;

// `calls`: function that gives [["What it does", "GET", "/jobs", { query, body }], …].
export const asCurl = (calls, label = "As curl") =>
  button({ class: "btn", onclick: () => openCurl(calls()), title: "The calls behind this, as commands" }, icon("copy"), span({ class: "wide" }, label));

// Arrives when it is asked for.
export const openCurl = async calls => (await import("./curl_dialog.js")).openCurl(calls);
