// Is anything wrong, in one look.

import { head } from "../parts/panel.js";

export default function home() {
  return [head({ title: "Home" })];
}
