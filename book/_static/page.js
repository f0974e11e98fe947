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

  // On paper every fold is open.
  const folds = () => document.querySelectorAll("details:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => (opened = [...folds()]).forEach((fold) => (fold.open = true)));
  addEventListener("afterprint", () => opened.forEach((fold) => (fold.open = false)));
})();
