// The page's side of an explorer where no kernel is: anywidget's model over a plain object. This script starts
// each explorer, above it and later those below it, when a reader comes near. An explorer's module stands in
// the page, beside what all share ("data-kit"), or is a script by itself. The address of the page may ask one
// of them for another state than its first: "#explorer-2={...}" the second.
(() => {
  class Model {
    constructor(start, state, name) {
      this.start = start;
      this.state = state;
      this.name = name;
      this.listeners = {};
    }
    get = (name) => this.state[name];
    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      this.emit(`change:${name}`, value);
      this.emit("change", null);
    }
    on = (events, act) => events.split(" ").forEach((event) => (this.listeners[event] ??= new Set()).add(act));
    off(events, act) {
      if (!events) this.listeners = {};
      else
        for (const event of events.split(" "))
          if (act) this.listeners[event]?.delete(act);
          else delete this.listeners[event];
    }
    emit = (event, value) => [...(this.listeners[event] ?? [])].forEach((act) => act(this, value));
    save_changes() {}
    send() {}
    // The address of the page with this explorer as it is now.
    link() {
      const alike = (name) => JSON.stringify(this.state[name]) === JSON.stringify(this.start[name]);
      const changed = Object.entries(this.state).filter(([name]) => !alike(name));
      const query = encodeURIComponent(JSON.stringify(Object.fromEntries(changed)));
      return `${location.href.split("#")[0]}#${this.name}=${query}`;
    }
  }

  // What the address asks of the explorer of this name: of what it knows, what is of the same kind.
  const query = (name, state) => {
    const [, text] = location.hash.match(new RegExp(`^#${name}=(.*)$`)) ?? [];
    if (text === undefined) return null;
    const kind = (value) => (Array.isArray(value) ? "list" : typeof value);
    try {
      const wishes = Object.entries(JSON.parse(decodeURIComponent(text)));
      const fit = wishes.filter(([key, value]) => key in state && kind(value) === kind(state[key]));
      return { ...structuredClone(state), ...Object.fromEntries(fit) };
    } catch {
      return null;
    }
  };

  // The explorer's methods: from a script of the page's site, or from a module made of what stands in the page.
  const widgetOf = async ({ kit, esm, key, src }) => {
    if (src) {
      await new Promise((onload, onerror) =>
        document.head.append(Object.assign(document.createElement("script"), { src, onload, onerror })),
      );
      return self.explorers[key];
    }
    const [style, shared] = document.querySelectorAll(`[data-kit="${kit}"]`);
    const module = [`const css = ${JSON.stringify(style.textContent)};`, JSON.parse(shared.textContent), esm].join("\n");
    const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    URL.revokeObjectURL(url);
    return widget;
  };

  const nameOf = (host) => `explorer-${[...document.querySelectorAll(".explorer")].indexOf(host) + 1}`;

  const start = async (host) => {
    try {
      const payload = JSON.parse(host.querySelector("script[type='application/json']").textContent);
      const widget = await widgetOf(payload);
      const name = nameOf(host);
      const { state } = payload;
      const draw = async (now) => widget.render({ model: new Model(state, now, name), el: host });
      const first = () => draw(structuredClone(state));
      const wish = query(name, state);
      if (wish) await draw(wish).catch(first);
      else await first();
      host.querySelector(".still").remove();
      host.setAttribute("data-ready", "");
      if (wish) host.scrollIntoView();
    } catch (error) {
      host.append(
        Object.assign(document.createElement("p"), { textContent: `The sliders did not start: ${error}` }),
      );
      throw error;
    }
  };

  // Who follows a link within the page gets the page afresh: its state is the address's.
  addEventListener("hashchange", () => location.hash.startsWith("#explorer-") && location.reload());
  const near = new IntersectionObserver(
    (entries) => {
      for (const { target } of entries.filter(({ isIntersecting }) => isIntersecting)) {
        near.unobserve(target);
        start(target);
      }
    },
    { rootMargin: "600px" },
  );
  const watch = () => {
    for (const host of document.querySelectorAll(".explorer:not([data-watched])")) {
      host.setAttribute("data-watched", "");
      if (location.hash.startsWith(`#${nameOf(host)}=`)) start(host);
      else near.observe(host);
    }
  };
  watch();
  addEventListener("DOMContentLoaded", watch);
})();
