// The built site in a headless Chromium, as a phone, the dark and a keyboard meet it: node site.mjs SITE CHROMIUM [FOLDER]
// Without a server: the pages are opened as files. With a FOLDER, pictures of some pages are left there. Ends with "N passed, N failed".
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const LIMIT = 20_000; // ms, for anything that is waited for
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 800 };
const TABS = 3; // pages that are looked at at once
const SHOWN = 20; // mistakes

const [folder, executablePath, pictures] = process.argv.slice(2);
const site = resolve(folder);
const files = readdirSync(site, { recursive: true }).filter(file => file.endsWith(".html")).sort();
const address = file => pathToFileURL(`${site}/${file}`).href;
const CLASS = "reference/functionalws-serverconnection.html"; // a page with many members
const UNION = "reference/functionalws-protocol-command.html"; // a type of F#, in both languages

/** In the page: what is wrong with it on this screen, in both themes. */
function mistakesOfPage() {
  const mistakes = [];
  const root = document.documentElement;
  const lack = (selector, what) => { if (!document.querySelector(selector)) mistakes.push(`has no ${what}`); };
  lack("html[lang]", "language");
  lack("meta[name=viewport]", "viewport");
  lack("meta[name=description][content]", "description");
  lack("link[rel=icon]", "icon");
  if (/\s\s|^\s|\n/.test(document.querySelector("title").textContent)) mistakes.push("has blanks in its title");
  if (document.querySelectorAll("h1").length !== 1) mistakes.push("has not one <h1>");
  for (const heading of document.querySelectorAll("main :is(h2, h3)"))
    if (!heading.id && !heading.closest("[id]:not(main)") && !heading.querySelector("[id]"))
      mistakes.push(`has no anchor for "${heading.textContent}"`);
  for (const image of document.querySelectorAll("main :is(img:not([alt]), svg:not([role=img]), svg[role=img]:not([aria-label]))"))
    mistakes.push(`has a picture without words: ${image.outerHTML.slice(0, 60)}`);
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("main *")].find(element => element.getBoundingClientRect().right > root.clientWidth + 1);
    mistakes.push(`is ${root.scrollWidth} px wide: ${wide?.outerHTML.slice(0, 80)}`);
  }
  for (const box of document.querySelectorAll("main *"))
    if (box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0 && /auto|scroll/.test(getComputedStyle(box).overflowX) && box.tabIndex < 0)
      mistakes.push(`can't be scrolled by keyboard: ${box.outerHTML.slice(0, 80)}`);

  const channels = color => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = color => {
    const [r, g, b] = channels(color).slice(0, 3).map(part => part / 255).map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const contrast = (a, b) => {
    const [less, more] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (more + .05) / (less + .05);
  };
  const seen = new Map(); // by element: asked once in a theme
  const background = element => {
    if (!element) return "rgb(255, 255, 255)";
    if (!seen.has(element)) {
      const own = getComputedStyle(element).backgroundColor;
      seen.set(element, (channels(own)[3] ?? 1) === 0 ? background(element.parentElement) : own);
    }
    return seen.get(element);
  };
  const before = root.dataset.theme;
  for (const theme of ["light", "dark"]) {
    root.dataset.theme = theme;
    seen.clear();
    const pairs = new Map();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (!texts.currentNode.data.trim() || element.closest("script, style, [hidden]")) continue;
      const style = getComputedStyle(element);
      const color = element.closest("svg") ? style.fill : style.color;
      pairs.set(`${color} on ${background(element)}`, [color, background(element), element]);
    }
    const box = document.getElementById("search");
    pairs.set("search", [getComputedStyle(box, "::placeholder").color, background(box), box]);
    for (const [color, back, element] of pairs.values())
      if (contrast(color, back) < 4.5)
        mistakes.push(`has ${color} on ${back} (${contrast(color, back).toFixed(2)}) in the ${theme}: ${element.outerHTML.slice(0, 60)}`);
  }
  if (before) root.dataset.theme = before;
  else delete root.dataset.theme;
  return mistakes;
}

/** In the page: what has the focus, and whether that can be seen. */
function focused() {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const isInView = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const atCentre = isInView && document.elementFromPoint(
    Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1), Math.min(Math.max(box.top + box.height / 2, 0), innerHeight - 1));
  return {
    name: element.id || element.className || element.textContent.slice(0, 30),
    area: element.closest("nav, header, main, footer")?.className || element.closest("header, main, footer")?.tagName || element.className,
    isVisible: box.width > 4 && box.height > 4 && isInView && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
      && (element.contains(atCentre) || !!atCentre?.contains(element)),
  };
}

async function open(browser, file, viewport = DESK, settings = {}) {
  const context = await browser.newContext({ viewport, locale: "en-GB", ...settings });
  context.setDefaultTimeout(LIMIT);
  const page = await context.newPage();
  await page.goto(address(file));
  return page;
}

/** Types what somebody looks for, and gives the titles that are shown. */
async function look(page, text) {
  await page.keyboard.press("/");
  await page.keyboard.type(text);
  await page.locator("#results li").first().waitFor();
  return page.locator("#results strong").allInnerTexts();
}

const tests = {
  async "no page is wider than a phone, hard to read in a theme, or lacks what it needs"({ browser }) {
    const left = [...files];
    const mistakes = [];
    await Promise.all(Array.from({ length: TABS }, async () => {
      const page = await open(browser, "index.html", PHONE);
      page.on("pageerror", error => mistakes.push(`${page.url()}: ${error}`));
      for (let file; (file = left.shift());) {
        await page.goto(address(file), { waitUntil: "domcontentloaded" });
        mistakes.push(...(await page.evaluate(mistakesOfPage)).map(mistake => `${file} ${mistake}`));
      }
      await page.context().close();
    }));
    assert.ok(files.length > 50, `only ${files.length} pages`);
    assert.deepEqual(mistakes.slice(0, SHOWN), [], `${mistakes.length} mistakes`);
  },

  async "the theme follows the system until the button is used, and the button's choice stays"({ browser }) {
    const page = await open(browser, "index.html", DESK, { colorScheme: "dark" });
    const colors = () => page.evaluate(() => ["--back", "--panel", "--line", "--text", "--soft", "--link", "--mark", "--comment", "--handler"]
      .map(name => getComputedStyle(document.documentElement).getPropertyValue(name)).join());
    const [dark, button] = [await colors(), page.locator("#theme")];
    await button.click();
    const light = await colors();
    assert.notEqual(light, dark);
    await button.click();
    assert.equal(await colors(), dark);
    await button.click();
    await page.reload();
    assert.equal(await colors(), light);
    await page.context().close();
  },

  async "the language of the code is chosen once for all pages, and what was clicked stays in its place"({ browser }) {
    const page = await open(browser, "index.html");
    const shown = async language => page.locator(`.pair .${language}`).first().isVisible();
    assert.deepEqual([await shown("csharp"), await shown("fsharp")], [true, false]);
    const choice = page.locator(".languages button", { hasText: "F#" });
    const place = async () => (await choice.last().boundingBox()).y;
    await choice.last().scrollIntoViewIfNeeded();
    const before = await place();
    await choice.last().click();
    assert.ok(Math.abs(await place() - before) <= 1, `from ${before} to ${await place()}`);
    assert.deepEqual([await shown("csharp"), await shown("fsharp")], [false, true]);
    await page.goto(address("client.html"));
    assert.deepEqual([await shown("csharp"), await shown("fsharp")], [false, true]);
    assert.equal(await choice.first().getAttribute("aria-pressed"), "true");
    await page.context().close();
    const plain = await open(browser, "index.html", DESK, { javaScriptEnabled: false });
    assert.ok(await plain.locator(".pair .csharp").first().isVisible() && await plain.locator(".pair .fsharp").first().isVisible());
    await plain.context().close();
  },

  async "a type of the core is shown in the language that is chosen, and in both without scripts"({ browser }) {
    for (const viewport of [DESK, PHONE]) {
      const page = await open(browser, UNION, viewport);
      const seen = async () => [await page.locator("pre.declaration:visible").allInnerTexts(), await page.locator("main h3").allInnerTexts(),
        await page.locator("main table.members code").allInnerTexts()].map(texts => texts.map(text => text.split("\n")[0].trim()));
      const [declared, headings, rows] = await seen();
      assert.equal(declared[0], "public abstract class Command");
      assert.ok(declared.includes("public static Command NewMessage(DataKind kind)"), `${declared}`);
      assert.ok(headings.includes("NewMessage(DataKind)") && rows.includes("NewMessage(DataKind)"), `${headings}, ${rows}`);
      await page.locator(".languages button", { hasText: "F#" }).click();
      const other = await seen();
      assert.equal(other[0][0], "type Command =");
      assert.ok(other[0].includes("| Message of Kind: DataKind"), `${other[0]}`);
      assert.ok(other[1].includes("Message") && other[2].includes("Message"), `${other}`);
      assert.deepEqual(other.map(texts => texts.length), [declared.length, headings.length, rows.length]);
      assert.ok([declared, headings, rows, ...other].flat().every(text => text !== ""));
      await page.context().close();
    }
    const plain = await open(browser, UNION, DESK, { javaScriptEnabled: false });
    assert.deepEqual(await plain.locator("pre.declaration").evaluateAll(all => all.filter(one => !one.checkVisibility())), []);
    await plain.context().close();
  },

  async "code is copied as it is, and without the clipboard it is selected"({ browser }) {
    for (const isAllowed of [true, false]) {
      const page = await open(browser, "index.html");
      await page.addInitScript(allowed => {
        Object.defineProperty(navigator, "clipboard", {
          value: { writeText: async text => { if (!allowed) throw new Error("denied"); window.copied = text; } },
        });
      }, isAllowed);
      await page.reload();
      const code = page.locator(".code", { has: page.locator("pre:visible") }).first();
      await code.hover();
      await code.locator(".copy").click();
      const text = await code.locator("pre").innerText();
      const found = await page.evaluate(allowed => allowed ? window.copied : getSelection().toString(), isAllowed);
      assert.equal(found.trim(), text.trim());
      await page.context().close();
    }
  },

  async "the focus can be seen wherever the tabulator leads, and the first stop skips to the content"({ browser }) {
    for (const [file, viewport] of [["index.html", DESK], ["index.html", PHONE], [CLASS, DESK], ["options.html", PHONE]]) {
      const page = await open(browser, file, viewport);
      const stops = [];
      for (let i = 0; i < 12; i++) {
        await page.keyboard.press("Tab");
        stops.push(await page.evaluate(focused));
      }
      assert.equal(stops[0].name, "skip");
      assert.deepEqual(stops.filter(stop => !stop.isVisible).map(stop => `${file} at ${viewport.width}: ${stop.name}`), []);
      await page.goto(address(file));
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      const stop = await page.evaluate(focused);
      assert.ok(await page.evaluate(() => !!document.activeElement.closest("main")), `the skip link of ${file} leads to ${stop.name}`);
      assert.ok(stop.isVisible, `${file}: ${stop.name} behind the skip link isn't seen`);
      await page.context().close();
    }
  },

  async "the menu of a phone opens where the page is, by keyboard too, and closes by Escape"({ browser }) {
    const page = await open(browser, CLASS, PHONE);
    const entry = page.locator(".menu a", { hasText: "Your first server" });
    assert.equal(await entry.isVisible(), false);
    await page.evaluate(() => scrollTo(0, 2000));
    await page.locator("#menu-button").focus();
    await page.keyboard.press("Enter");
    await entry.waitFor();
    assert.equal(await page.locator("#menu-button").getAttribute("aria-expanded"), "true");
    const top = await page.locator("#menu").evaluate(menu => menu.getBoundingClientRect().top);
    assert.ok(top >= 0 && top < PHONE.height, `the menu lies at ${top}`);
    for (let stops = 0; !(await page.evaluate(() => !!document.activeElement.closest("#menu"))); stops++) {
      assert.ok(stops < 6, "the tabulator doesn't reach the menu");
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Escape");
    await entry.waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.id), "menu-button");
    await page.keyboard.press("Enter");
    await page.locator(".contents a", { hasText: "Methods" }).click();
    await entry.waitFor({ state: "hidden" });
    assert.match(page.url(), /#methods$/);
    await page.context().close();
  },

  async "the search finds members and leads to them"({ browser }) {
    const members = {
      MaxMessageSize: ["ConnectionOptions.MaxMessageSize", "functionalws-connectionoptions.html#maxmessagesize"],
      maxmessages: ["ConnectionOptions.MaxMessageSize", "functionalws-connectionoptions.html#maxmessagesize"],
      Shutdown: ["Server.Shutdown", "functionalws-server.html#shutdown"],
      ReceiveBorrowed: ["WebSocketConnection.ReceiveBorrowed", "functionalws-websocketconnection.html#receiveborrowed"],
      Broadcast: ["Broadcast", "functionalws-broadcast.html"],
      "broadcast send": ["Broadcast.Send", "functionalws-broadcast.html#send"],
      GoingAway: ["CloseCode.GoingAway", "functionalws-protocol-closecode.html#goingaway"],
    };
    for (const [words, title] of [["receive timeout", "WebSocketConnection.Receive"], ["AOT", "Deploying"], ["json", "JSON"]]) {
      const page = await open(browser, "threads.html");
      const found = (await look(page, words)).slice(0, 3);
      assert.ok(found.includes(title), `${words}: ${found}`);
      await page.context().close();
    }
    for (const viewport of [DESK, PHONE]) {
      const page = await open(browser, "threads.html", viewport);
      for (const [text, [title, target]] of Object.entries(members)) {
        const found = await look(page, text);
        assert.equal(found[0], title, `${text}: ${found}`);
        await page.keyboard.press("Enter");
        await page.waitForURL(url => url.href.endsWith(`/reference/${target}`));
        if (target.includes("#")) {
          const top = await page.locator(`[id="${target.split("#")[1]}"]`).first().evaluate(place => place.getBoundingClientRect().top);
          assert.ok(top >= 0 && top < viewport.height, `${text}: the member lies at ${top}`);
        }
      }
      await page.context().close();
    }
  },

  async "the search goes by keyboard: / begins, arrows choose, Enter leads there, Escape closes"({ browser }) {
    const page = await open(browser, CLASS);
    const found = await look(page, "receive");
    assert.ok(found.length > 3 && new Set(found).size === found.length, `${found}`);
    const chosen = () => page.locator("#results [aria-selected=true] strong").innerText();
    assert.equal(await chosen(), found[0]);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    assert.equal(await chosen(), found[1]);
    assert.equal(await page.locator("#search").getAttribute("aria-activedescendant"), await page.locator("#results [aria-selected=true]").getAttribute("id"));
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#results").isVisible(), false);
    assert.equal(await page.locator("#search").inputValue(), "");
    await look(page, "receive");
    await page.keyboard.press("ArrowDown");
    const target = await page.locator("#results .chosen").evaluate(link => link.href);
    await page.keyboard.press("Enter");
    await page.waitForURL(target);
    assert.equal(await page.locator("#results").isVisible(), false);
    await look(page, "nosuchthing");
    assert.equal(await page.locator("#results").innerText(), "Nothing found");
    await page.context().close();
  },

  async "the first screen has the picture and the beginning of a server"({ browser }) {
    for (const viewport of [DESK, PHONE]) {
      const page = await open(browser, "index.html", viewport);
      const picture = await page.locator("main svg[role=img]").first().boundingBox();
      assert.ok(picture.y + picture.height < viewport.height, `the picture ends at ${picture.y + picture.height} of ${viewport.height}`);
      const code = await page.locator("main pre").first().boundingBox();
      assert.ok(code.y < viewport.height, `the code begins at ${code.y} of ${viewport.height}`);
      await page.context().close();
    }
  },
};

/** Pages of each kind, on both screens and in both schemes. */
async function takePictures(browser) {
  for (const colorScheme of ["light", "dark"])
    for (const [kind, viewport] of Object.entries({ desk: DESK, phone: PHONE }))
      for (const file of ["index.html", "tutorial.html", "threads.html", "options.html", "comparison.html", "performance.html", CLASS, UNION]) {
        const page = await open(browser, file, viewport, { colorScheme });
        const path = `${pictures}/${file.replace(/.*\/|\.html/g, "")}-${kind}-${colorScheme}`;
        await page.screenshot({ path: `${path}.png` });
        if (await page.locator(".languages button").count() > 0) {
          await page.locator(".languages button", { hasText: "F#" }).first().click();
          await page.screenshot({ path: `${path}-fsharp.png` });
        }
        await page.context().close();
      }
}

let passed = 0, failed = 0;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  if (pictures) await takePictures(browser);
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test({ browser });
      passed++;
      console.log(`passed ${name}`);
    } catch (error) {
      failed++;
      console.log(`failed ${name}\n${error.stack}`);
    }
  }
} finally {
  await browser.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
