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

  // What scrolls sideways can be reached by keyboard, and only then.
  const reachable = () => {
    for (const box of document.querySelectorAll("main pre, main .scroll, main figure"))
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
  };
  reachable();
  addEventListener("resize", reachable);
})();
