// The page's side of an explorer where no kernel is: anywidget's model over a plain object. Each explorer in
// a page carries this script; it starts those that stand above it and have not started.
(() => {
  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = {};
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      this.emit(`change:${name}`, value);
      this.emit("change", null);
    }
    on(events, act) {
      for (const event of events.split(" ")) (this.listeners[event] ??= new Set()).add(act);
    }
    off(events, act) {
      if (!events) this.listeners = {};
      else
        for (const event of events.split(" "))
          act ? this.listeners[event]?.delete(act) : delete this.listeners[event];
    }
    emit(event, value) {
      for (const act of [...(this.listeners[event] ?? [])]) act(this, value);
    }
    save_changes() {}
    send() {}
  }

  const start = async (host) => {
    host.setAttribute("data-started", "");
    try {
      const { esm, state } = JSON.parse(host.querySelector("script[type='application/json']").textContent);
      const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
      const { default: widget } = await import(url);
      URL.revokeObjectURL(url);
      await widget.render({ model: new Model(state), el: host });
      host.querySelector(".still").remove();
      host.setAttribute("data-ready", "");
    } catch (error) {
      host.append(
        Object.assign(document.createElement("p"), { textContent: `The sliders did not start: ${error}` }),
      );
      throw error;
    }
  };

  document.querySelectorAll(".explorer:not([data-started])").forEach(start);
})();
