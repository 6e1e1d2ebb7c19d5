// Cancelling what a worker may have, with the reason: of one, or of several one after the other.
//
//   openStop(ids, { after, path: id => `/jobs/${id}/cancel`, more: { force: true }, noun: "run" })

import { send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { plural, shortId } from "../lib/format.js";
import { signal } from "../lib/signal.js";
import { openDialog } from "./dialog.js";
import { form, textField } from "./form.js";

export function openStop(ids, { after, path, more, noun = "job" }) {
  const reason = signal(""), what = ids.length === 1 ? noun : plural(ids.length, noun);
  openDialog({ title: `Cancel ${ids.length === 1 ? shortId(ids[0]) : what}?`, body: close => form({
    label: `Cancel ${what}`, words: ["jobs:write"], onCancel: close,
    run: async () => {
      let n = 0;
      for (const id of ids) n += (await send("POST", path(id), { reason: reason.peek().trim() || null, ...more })).applied ?? 1;
      return n;
    },
    done: n => `${plural(n, noun)} cancelled${n < ids.length ? `; ${plural(ids.length - n, noun)} had ended before` : ""}`, after: () => (close(), after()),
  }, el.p({ class: "quiet" }, "What a worker has is over at once, too: what it then reports is refused."), textField("Why", reason, { maxlength: 500, autofocus: "", placeholder: "ordered twice" })) });
}
