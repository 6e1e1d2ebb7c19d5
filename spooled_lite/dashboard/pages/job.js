// Everything of one job.

import { head } from "../parts/panel.js";

export default function job({ id }) {
  return [head({ title: id })];
}
