// The menu of a narrow screen, and what a keyboard can't do with the page as it is written.
(() => {
  const button = document.getElementById("menu-button");
  const side = document.getElementById("menu");
  const menu = side.querySelector(".menu");
  const contents = side.querySelector(".contents");

  const open = yes => {
    side.classList.toggle("open", yes);
    button.setAttribute("aria-expanded", String(yes));
    document.documentElement.classList.toggle("held", yes);
    // What is on this page comes first where the menu hides it, and last where it stands beside.
    if (yes) side.prepend(contents);
  };
  button.addEventListener("click", () => open(!side.classList.contains("open")));
  side.addEventListener("click", event => { if (event.target.closest("a")) open(false); });
  addEventListener("keydown", event => {
    if (event.key !== "Escape" || !side.classList.contains("open")) return;
    open(false);
    button.focus();
  });
  // A menu that is open would lie over what has the focus.
  document.querySelector("main").addEventListener("focusin", () => open(false));

  // The page's own entry, which may be far down.
  const current = menu.querySelector("[aria-current]");
  if (current) menu.scrollTop = current.offsetTop - menu.clientHeight / 2;

  // One choice of a language for all pages. What was clicked stays where it is, whatever changes its height above.
  const languages = document.querySelectorAll(".languages button");
  const press = () => {
    for (const other of languages)
      other.setAttribute("aria-pressed", String(other.dataset.choose === document.documentElement.dataset.language));
  };
  press();
  for (const language of languages)
    language.addEventListener("click", () => {
      const before = language.getBoundingClientRect().top;
      document.documentElement.dataset.language = language.dataset.choose;
      try { localStorage.setItem("language", language.dataset.choose); } catch { /* private mode */ }
      press();
      scrollBy(0, language.getBoundingClientRect().top - before);
      reachable();
    });

  // Code can be copied. Without the clipboard, which a page may be denied, it is selected.
  const copy = async (button, pre) => {
    try {
      await navigator.clipboard.writeText(pre.innerText.trimEnd() + "\n");
    } catch {
      getSelection().selectAllChildren(pre);
      return;
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  for (const pre of document.querySelectorAll("main pre:not(.declaration)")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", () => copy(button, pre));
    const box = document.createElement("div");
    box.className = "code";
    pre.replaceWith(box);
    box.append(pre, button);
  }

  // What scrolls sideways can be reached by keyboard, and only then.
  const reachable = () => {
    for (const box of document.querySelectorAll("main pre, main .scroll, main figure"))
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
  };
  reachable();
  addEventListener("resize", reachable);
})();
