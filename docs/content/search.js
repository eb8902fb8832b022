// Search in content/search-index.js, which is fetched when the box is used first.
(() => {
  const root = document.documentElement.dataset.root;
  const box = document.getElementById("search");
  const list = document.getElementById("results");
  let loading;
  let chosen = -1;

  let hits = 0; // of the last search, each with a number of its own

  const load = () => loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = root + "content/search-index.js";
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });

  // A hit in the title counts most, then in the headings, then in the text. Every word must be there.
  const score = (entry, words) => {
    let total = 0;
    for (const word of words) {
      const title = entry.title.toLowerCase();
      const at = title === word ? 100
        : title.endsWith("." + word) ? 80
        : title.startsWith(word) || title.includes("." + word) ? 60
        : title.includes(word) ? 40
        : entry.headings.toLowerCase().includes(word) ? 20
        : entry.text.toLowerCase().includes(word) ? 5 : 0;
      if (at === 0) return 0;
      total += at;
    }
    // An option comes before what sets it for a route, or in F#.
    const place = entry.kind === "page" ? 6 : entry.kind === "C#" ? (/^\w+Options\./.test(entry.title) ? 2 : 1) : 0;
    return total + place - entry.title.length / 100;
  };

  const excerpt = (entry, word) => {
    const at = Math.max(0, entry.text.toLowerCase().indexOf(word) - 40);
    return (at > 0 ? "…" : "") + entry.text.slice(at, at + 130) + (entry.text.length > at + 130 ? "…" : "");
  };

  const part = (name, text) => {
    const element = document.createElement(name);
    element.textContent = text;
    return element;
  };

  const show = (found, words) => {
    list.replaceChildren(...found.map(entry => {
      const link = document.createElement("a");
      link.href = root + entry.uri;
      link.tabIndex = -1; // the arrows go through them
      const title = part("strong", "");
      title.append(...entry.title.split(/(?<=\.)/).flatMap(name => [name, document.createElement("wbr")])); // breaks behind a dot
      link.append(title, part("em", entry.kind === "page" ? "" : entry.kind), part("span", excerpt(entry, words[0])));
      const item = document.createElement("li");
      item.role = "option";
      item.id = `hit-${hits++}`;
      item.append(link);
      return item;
    }));
    if (found.length === 0) {
      const none = part("li", "Nothing found");
      none.className = "none";
      none.role = "option";
      none.setAttribute("aria-disabled", "true");
      list.append(none);
    }
    choose(0);
    open(true);
  };

  const open = yes => {
    list.hidden = !yes;
    box.setAttribute("aria-expanded", String(yes));
    if (!yes) box.removeAttribute("aria-activedescendant");
  };

  // Overloads are one hit: their page has them below each other.
  const search = async () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(word => word.length > 1);
    if (words.length === 0) return open(false);
    await load();
    const seen = new Set();
    const found = window.searchIndex
      .map(entry => ({ entry, score: score(entry, words) }))
      .filter(hit => hit.score > 0)
      .sort((a, b) => b.score - a.score)
      .map(hit => hit.entry)
      .filter(entry => {
        const name = entry.uri.split("#")[0] + " " + entry.title;
        return !seen.has(name) && seen.add(name);
      });
    show(found.slice(0, 12), words);
  };

  // The first is chosen until an arrow says otherwise.
  const choose = index => {
    const items = [...list.querySelectorAll("li:has(a)")];
    if (items.length === 0) return box.removeAttribute("aria-activedescendant");
    chosen = (index + items.length) % items.length;
    items.forEach((item, at) => {
      item.setAttribute("aria-selected", String(at === chosen));
      item.querySelector("a").classList.toggle("chosen", at === chosen);
    });
    box.setAttribute("aria-activedescendant", items[chosen].id);
    items[chosen].scrollIntoView({ block: "nearest" });
  };

  box.addEventListener("focus", () => { load(); search(); });
  box.addEventListener("input", search);
  box.addEventListener("keydown", async event => {
    if (event.key === "ArrowDown") { event.preventDefault(); choose(chosen + 1); }
    if (event.key === "ArrowUp") { event.preventDefault(); choose(chosen - 1); }
    if (event.key === "Escape") { box.value = ""; open(false); box.blur(); }
    if (event.key === "Enter") {
      if (list.hidden) await search(); // the index may be on its way still
      list.querySelectorAll("a")[chosen]?.click();
    }
  });
  box.addEventListener("blur", () => open(false));
  list.addEventListener("mousedown", event => event.preventDefault()); // or the box would lose the focus, and the list close
  list.addEventListener("click", event => { if (event.target.closest("a")) { open(false); box.blur(); } });
  addEventListener("keydown", event => {
    const typing = /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    if ((event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  });
})();
