// Downloads with progress and a way back: a link inside is fetched while the server reads, and saved once it is whole.
class ExportElement extends HTMLElement {
  connectedCallback() {
    this.job = Object.assign(document.createElement("div"), { className: "export-job", hidden: true });
    this.bar = document.createElement("progress");
    this.bar.setAttribute("aria-label", this.dataset.label);
    this.words = Object.assign(document.createElement("span"), { className: "hint" });
    this.words.setAttribute("role", "status");
    this.stop = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: this.dataset.cancel });
    this.stop.addEventListener("click", () => this.controller?.abort());
    this.job.append(this.bar, this.words, this.stop);
    this.append(this.job);
    this.addEventListener("click", (event) => {
      const link = event.target.closest("a[download]");
      if (!link) return;
      event.preventDefault();
      this.save(link);
    });
  }

  disconnectedCallback() {
    this.controller?.abort();
  }

  async save(link) {
    this.controller?.abort();
    const controller = (this.controller = new AbortController());
    this.show(0, 0);
    try {
      const answer = await fetch(link.href, { signal: controller.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const total = Number(answer.headers.get("Autocore-Readings") || 0);
      const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "")?.[1] ?? "history";
      const parts = [];
      let rows = 0;
      const reader = answer.body.getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        parts.push(piece.value);
        for (const byte of piece.value) if (byte === 10) rows += 1;
        this.show(rows, total);
      }
      const address = URL.createObjectURL(new Blob(parts));
      Object.assign(document.createElement("a"), { href: address, download: name }).click();
      URL.revokeObjectURL(address);
      this.end(this.dataset.done.replace("{rows}", new Intl.NumberFormat(document.documentElement.lang).format(rows)));
    } catch (error) {
      if (controller !== this.controller) return; // another download took its place
      this.end(error.name === "AbortError" ? this.dataset.cancelled : this.dataset.failed);
    }
  }

  show(rows, total) {
    this.job.hidden = false;
    this.stop.hidden = this.bar.hidden = false;
    if (total) {
      this.bar.max = Math.max(rows, total);
      this.bar.value = rows;
    } else {
      this.bar.removeAttribute("value");
    }
    this.words.textContent = total ? `${Math.min(100, Math.floor((100 * rows) / total))} %` : "";
  }

  end(words) {
    this.bar.hidden = this.stop.hidden = true;
    this.words.textContent = words;
  }
}

customElements.define("ac-export", ExportElement);
