// No such page, or one that this version does not have yet.

import { el } from "../lib/dom.js";
import { route } from "../lib/router.js";
import { head } from "../parts/panel.js";

const { div, p, a } = el;

export default function missing() {
  return [
    head({ title: "There is no such page" }),
    div({ class: "panel empty" }, p("This version has nothing at ", () => `#/${route.value.path}`, "."), p(a({ href: "#/" }, "Home"), " · ", a({ href: "./docs" }, "The API"))),
  ];
}
