// A page is text, equations and pictures; its scripts come when somebody is there: with the first touch, key or
// scroll. What was pressed before they had come is pressed again.
(() => {
  const late = document.currentScript.dataset.late.split(" ");
  const signs = ["pointerdown", "pointermove", "touchstart", "keydown", "focusin", "wheel", "scroll"];
  const missed = [];
  const miss = (event) => {
    const button = event.target.closest?.("button:not(.explorer *)");
    if (event.type === "click" && button) missed.push(() => button.click());
    if (event.type === "keydown" && (event.ctrlKey || event.metaKey))
      missed.push(() => document.body.dispatchEvent(new KeyboardEvent("keydown", event)));
  };
  const script = (src) =>
    new Promise((onload, onerror) => {
      const element = document.createElement("script");
      document.head.append(Object.assign(element, { src, async: false, onload, onerror }));
    });
  const come = async () => {
    for (const sign of signs) removeEventListener(sign, come);
    await Promise.allSettled(late.map(script));
    for (const kind of ["click", "keydown"]) removeEventListener(kind, miss, true);
    dispatchEvent(new Event("load")); // Bootstrap waits for it
    for (const again of missed) again();
  };
  for (const kind of ["click", "keydown"]) addEventListener(kind, miss, true);
  for (const sign of signs) addEventListener(sign, come, { passive: true });

  // The contents of the book beside the page begin where the page stands among them.
  const [active] = [...document.querySelectorAll(".bd-docs-nav .active > a")].slice(-1);
  const side = document.querySelector(".bd-sidebar-primary");
  if (active && matchMedia("(min-width: 992px)").matches)
    side.scrollTop = active.getBoundingClientRect().top - side.getBoundingClientRect().top - side.clientHeight / 2;

  // A lesson whose foot was seen is marked in the contents, in this browser alone.
  const stored = () => {
    try {
      return JSON.parse(localStorage.getItem("read")) ?? [];
    } catch {
      return []; // where nothing may be stored, nothing is marked
    }
  };
  const mark = () => {
    const read = new Set(stored());
    for (const link of document.querySelectorAll(".bd-docs-nav a")) link.classList.toggle("read", read.has(link.pathname));
  };
  const foot = document.querySelector(".foot");
  const seen = new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting) return;
    seen.disconnect();
    try {
      localStorage.setItem("read", JSON.stringify([...new Set([...stored(), location.pathname])]));
    } catch {}
    mark();
  });
  if (foot) seen.observe(foot);
  mark();

  // On paper every fold is open.
  const folds = () => document.querySelectorAll("details:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => (opened = [...folds()]).forEach((fold) => (fold.open = true)));
  addEventListener("afterprint", () => opened.forEach((fold) => (fold.open = false)));
})();
