// What can be done with one schedule. `it`: a function that gives it as it is known now.

import { send } from "../lib/api.js";
import { act } from "./act.js";

const path = id => `/schedules/${id}`;
const words = ["schedules:write"];
export const setActive = (id, isOn) => send("POST", `${path(id)}/${isOn ? "resume" : "pause"}`);

export const onOff = (it, { after, isSmall }) => act({
  label: () => (it().is_active ? "Pause" : "Resume"), icon: () => (it().is_active ? "pause" : "play"), name: () => `${it().is_active ? "Pause" : "Resume"} ${it().name}`, words, isSmall, after,
  run: async () => {
    const { id, name, is_active: was } = it();
    await setActive(id, !was);
    return { id, name, was };
  },
  done: ({ name, was }) => `${name} ${was ? "is paused" : "goes on"}`,
  undo: ({ id, was }) => setActive(id, was),
});

export const runNow = (it, { after, isSmall }) => act({
  label: "Run now", icon: "retry", name: () => `Run ${it().name} now`, words, isSmall, after,
  run: () => send("POST", `${path(it().id)}/trigger`), done: () => `${it().name} has created a job`,
});

export const remove = (it, { after }) => act({
  label: "Delete", icon: "trash", kind: "danger", words, after, ask: "Delete this schedule? Its jobs stay.", yes: "Delete schedule",
  run: () => send("DELETE", path(it().id)), done: () => `${it().name} is deleted`,
});
