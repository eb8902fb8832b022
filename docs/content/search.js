// Search in content/search-index.js, which is fetched when the box is used first.
(() => {
  const root = document.documentElement.dataset.root;
  const box = document.getElementById("search");
  const list = document.getElementById("results");
  let loading;
  let chosen = -1;

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
        : title.startsWith(word) ? 60
        : title.includes(word) ? 40
        : entry.headings.toLowerCase().includes(word) ? 20
        : entry.text.toLowerCase().includes(word) ? 5 : 0;
      if (at === 0) return 0;
      total += at;
    }
    return total + (entry.kind === "page" ? 6 : 0) - entry.title.length / 100;
  };

  const excerpt = (entry, word) => {
    const at = Math.max(0, entry.text.toLowerCase().indexOf(word) - 40);
    return (at > 0 ? "…" : "") + entry.text.slice(at, at + 130) + (entry.text.length > at + 130 ? "…" : "");
  };

  const show = (hits, words) => {
    list.replaceChildren(...hits.map(({ entry }) => {
      const link = document.createElement("a");
      link.href = root + entry.uri;
      const title = document.createElement("strong");
      title.textContent = entry.title;
      const kind = document.createElement("em");
      kind.textContent = entry.kind === "page" ? "" : entry.kind;
      const text = document.createElement("span");
      text.textContent = excerpt(entry, words[0]);
      link.append(title, kind, text);
      const item = document.createElement("li");
      item.role = "option";
      item.append(link);
      return item;
    }));
    if (hits.length === 0) {
      const none = document.createElement("li");
      none.className = "none";
      none.textContent = "Nothing found";
      list.append(none);
    }
    chosen = -1;
    open(true);
  };

  const open = yes => {
    list.hidden = !yes;
    box.setAttribute("aria-expanded", String(yes));
  };

  const search = async () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(word => word.length > 1);
    if (words.length === 0) return open(false);
    await load();
    show(window.searchIndex
      .map(entry => ({ entry, score: score(entry, words) }))
      .filter(hit => hit.score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, 12), words);
  };

  const choose = step => {
    const links = [...list.querySelectorAll("a")];
    if (links.length === 0) return;
    chosen = (chosen + step + links.length) % links.length;
    links.forEach((link, index) => link.classList.toggle("chosen", index === chosen));
    links[chosen].scrollIntoView({ block: "nearest" });
  };

  box.addEventListener("focus", load);
  box.addEventListener("input", search);
  box.addEventListener("keydown", event => {
    if (event.key === "ArrowDown") { event.preventDefault(); choose(1); }
    if (event.key === "ArrowUp") { event.preventDefault(); choose(-1); }
    if (event.key === "Escape") { box.value = ""; open(false); box.blur(); }
    if (event.key === "Enter") (list.querySelector("a.chosen") ?? list.querySelector("a"))?.click();
  });
  addEventListener("keydown", event => {
    const typing = /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    if ((event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      box.focus();
    }
  });
  addEventListener("click", event => { if (!event.target.closest(".search")) open(false); });
})();
