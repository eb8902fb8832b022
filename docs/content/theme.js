// What a reader has chosen before the page is seen: light or dark, as the system has it until the button was used, and the language of the code.
(() => {
  const root = document.documentElement;
  const stored = name => { try { return localStorage.getItem(name); } catch { return null; } };
  const theme = stored("theme");
  if (theme) root.dataset.theme = theme;
  root.dataset.language = stored("language") === "fsharp" ? "fsharp" : "csharp";
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* private mode */ }
    });
  });
})();
