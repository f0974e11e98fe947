// The page's side of an explorer where no kernel is: anywidget's model over a plain object. This script starts
// all explorers that have not started, above it and later those below it; what they share ("data-kit") stands
// in the page once at least. The address of the page may ask one of them for another state than its first:
// "#explorer-2={...}" the second.
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

  const start = async (host) => {
    host.setAttribute("data-started", "");
    try {
      const { kit, esm, state } = JSON.parse(host.querySelector("script[type='application/json']").textContent);
      const [style, shared] = document.querySelectorAll(`[data-kit="${kit}"]`);
      const module = [`const css = ${JSON.stringify(style.textContent)};`, JSON.parse(shared.textContent), esm].join("\n");
      const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
      const { default: widget } = await import(url);
      URL.revokeObjectURL(url);
      const name = `explorer-${[...document.querySelectorAll(".explorer")].indexOf(host) + 1}`;
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
  const startAll = () => document.querySelectorAll(".explorer:not([data-started])").forEach(start);
  startAll();
  addEventListener("DOMContentLoaded", startAll);
})();
