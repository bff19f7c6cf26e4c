// The site's search in pages opened as files, for which browsers start no Worker: its script runs in a hidden frame.
// The theme takes a file of this name in place of one that it would ask another host for.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inside = frame.contentWindow;
      this.inside.document.open();
      this.inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.loaded = new Promise((resolve) => this.inside.addEventListener("load", resolve));
      this.inside.document.write(`<script src="${new URL(url, location)}"></script>`);
      this.inside.document.close();
    }

    postMessage(data) {
      this.loaded.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
}
