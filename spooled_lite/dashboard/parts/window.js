// Only the rows on screen: of many rows of one height, the ones to make, and the room of the others.

import { computed, onDispose, signal } from "../lib/signal.js";

const MORE = 15; // rows made above and below what is seen
const FEW = 150; // so many are made all

export function windowed(ids, height) {
  const top = signal(0), seen = signal(60);
  let body = null, frame = 0;

  function look() {
    frame = 0;
    if (!body?.isConnected) return;
    const first = Math.floor(-body.getBoundingClientRect().top / height());
    top.value = Math.max(0, first - MORE);
    seen.value = Math.ceil(innerHeight / height()) + 2 * MORE;
  }
  const soon = () => { frame ||= requestAnimationFrame(look); };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  onDispose(() => {
    removeEventListener("scroll", soon);
    removeEventListener("resize", soon);
    cancelAnimationFrame(frame);
  });

  const isWhole = computed(() => ids.value.length <= FEW);
  const from = computed(() => (isWhole.value ? 0 : Math.min(top.value, Math.max(0, ids.value.length - seen.value))));
  const slice = computed(() => (isWhole.value ? ids.value : ids.value.slice(from.value, from.value + seen.value)));
  return {
    slice, from,
    before: () => from.value * height(),
    after: () => (ids.value.length - from.value - slice.value.length) * height(),
    ref: node => { body = node; soon(); },
    // Bring a row into the window, then on screen.
    reveal: index => {
      if (isWhole.peek()) return;
      const box = body.getBoundingClientRect(), y = box.top + index * height();
      if (y < 100 || y > innerHeight - 100) scrollBy(0, y - innerHeight / 2);
      look();
    },
  };
}
