// Two pages of the sample Chat in a headless Chromium: node chat.mjs PROGRAM CHROMIUM [FOLDER]
// PROGRAM is Chat.dll. With a FOLDER, pictures of the page are left there. Ends with "N passed, N failed".
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const COMPRESSION = true; // false to check that none is agreed on
const LIMIT = 20_000; // ms, for anything that is waited for

const [program, executablePath, pictures] = process.argv.slice(2);

/** Starts the server and waits until it listens. */
async function startServer(port) {
  const running = spawn("dotnet", [program, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface(running.stdout), "line", { signal: AbortSignal.timeout(LIMIT) });
  const address = new URL(line.replace("listening on ", ""));
  return {
    port: Number(address.port),
    /** Sends a signal and gives the exit code. */
    async stop() {
      const ended = once(running, "exit", { signal: AbortSignal.timeout(LIMIT) });
      running.kill("SIGTERM");
      return (await ended)[0];
    },
    kill: () => running.kill("SIGKILL"),
  };
}

/** A person in a browser window of its own, in a room. */
async function join(browser, port, name, room, settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, locale: "en-GB", ...settings });
  context.setDefaultTimeout(LIMIT);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", error => errors.push(String(error)));
  page.on("console", message => {
    // A refused connection is what a page that reconnects has to see.
    if (message.type() === "error" && !message.text().includes("ERR_CONNECTION_REFUSED")) errors.push(message.text());
  });
  await page.goto(`http://localhost:${port}/room/${room}`);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Join" }).click();
  await isConnected(page);
  return { page, context, errors };
}

const isConnected = page => page.locator("[data-state=open]").waitFor();

async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

const sees = (page, text) => page.getByRole("log").getByText(text, { exact: true }).waitFor();

const people = page => page.locator("#people .name").allInnerTexts();

/** Until a function of the page gives true. */
const until = (page, condition, argument) => page.waitForFunction(condition, argument);

const tests = {
  async "both see who is there and what the other writes"({ ada, bob }) {
    await say(ada.page, "Hello, Bob!");
    await sees(bob.page, "Hello, Bob!");
    await say(bob.page, "Hello, Ada!");
    await sees(ada.page, "Hello, Ada!");
    await sees(ada.page, "Bob joined");
    assert.deepEqual(await people(bob.page), ["Ada", "Bob"]);
    assert.equal(await bob.page.locator("#people li", { hasText: "Bob" }).getByText("you").count(), 1);
  },

  async "markup stays text"({ ada, bob }) {
    const markup = '<img src=x onerror="document.title=1"><b>bold</b> &amp; "quoted"';
    await say(ada.page, markup);
    await sees(bob.page, markup);
    assert.equal(await bob.page.locator("#log img, #log b").count(), 0);
  },

  async "text in any script arrives whole"({ ada, bob }) {
    await say(bob.page, "Grüße, 世界 👩‍👩‍👧 עולם");
    await sees(ada.page, "Grüße, 世界 👩‍👩‍👧 עולם");
  },

  async "what comes while somebody reads further up doesn't tear the page away"({ ada, bob }) {
    for (let i = 1; i <= 40; i++) await say(bob.page, `line ${i}`);
    await sees(ada.page, "line 40");
    const distance = () => ada.page.locator("#log").evaluate(log => log.scrollHeight - log.scrollTop - log.clientHeight);
    await until(ada.page, () => document.getElementById("newer").hidden);
    assert.ok(await distance() < 2, "not at the end");
    await ada.page.locator("#log").evaluate(
      log => new Promise(done => (log.addEventListener("scroll", done, { once: true }), (log.scrollTop = 0))),
    );
    await say(bob.page, "the newest");
    await ada.page.getByRole("button", { name: "New messages" }).click();
    assert.ok(await distance() < 2, "not at the end after the click");
  },

  async "the latency is measured"({ ada }) {
    await until(ada.page, () => /^Connected · \d+ ms$/.test(document.getElementById("state").textContent));
  },

  async "compression is what was agreed on"({ ada }) {
    const extensions = await ada.page.evaluate(() => chatSocket.extensions);
    assert.equal(extensions.includes("permessage-deflate"), COMPRESSION, `extensions: "${extensions}"`);
  },

  async "who comes later sees what was said, and that somebody left"({ browser, port, ada }) {
    const eve = await join(browser, port, "Eve", "tests");
    await sees(eve.page, "Hello, Bob!");
    await sees(ada.page, "Eve joined");
    await eve.context.close();
    await sees(ada.page, "Eve left");
    assert.deepEqual(eve.errors, []);
  },

  async "rooms don't hear each other, and a name is given once in a room"({ browser, port, ada }) {
    const other = await join(browser, port, "Ada", "elsewhere");
    assert.equal((await people(other.page)).length, 1);
    await say(other.page, "not for the others");
    await sees(other.page, "not for the others");
    const second = await join(browser, port, "Ada", "tests");
    await sees(ada.page, "Ada 2 joined");
    assert.equal(await ada.page.getByText("not for the others").count(), 0);
    await other.context.close();
    await second.context.close();
    await sees(ada.page, "Ada 2 left");
  },

  async "a shutdown is seen as 1001, and the page comes back with the server"(world) {
    const { ada, bob } = world;
    assert.equal(await world.server.stop(), 0);
    for (const { page } of [ada, bob]) {
      await page.locator("#notice[data-code='1001']").waitFor();
      await sees(page, "The server went away.");
    }
    await ada.page.getByLabel("Message", { exact: true }).fill("are you back?");
    assert.equal(await ada.page.getByRole("button", { name: "Send" }).isDisabled(), true);
    world.server = await startServer(world.port);
    await isConnected(ada.page);
    await isConnected(bob.page);
    await ada.page.getByRole("button", { name: "Send" }).click();
    await sees(bob.page, "are you back?");
    await sees(bob.page, "Hello, Bob!"); // from before
  },

  async "the page keeps its own security policy, and is not stored"({ port, ada, bob }) {
    const response = await fetch(`http://localhost:${port}/`);
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.match(response.headers.get("content-security-policy"), /default-src 'none'/);
    assert.deepEqual([...ada.errors, ...bob.errors], []); // what breaks the policy is an error of the console
  },
};

/** The page with two people in it, at both widths and in both schemes. */
async function takePictures(browser, port, folder) {
  const widths = { desktop: { width: 1180, height: 740 }, phone: { width: 390, height: 780 } };
  for (const colorScheme of ["light", "dark"]) {
    for (const [kind, viewport] of Object.entries(widths)) {
      const settings = { colorScheme, viewport, deviceScaleFactor: kind === "phone" ? 2 : 1 };
      const room = { light: { desktop: "engineering", phone: "support" }, dark: { desktop: "design", phone: "lobby" } }[colorScheme][kind];
      const ada = await join(browser, port, "Ada Lovelace", room, settings);
      const grace = await join(browser, port, "Grace Hopper", room);
      await sees(ada.page, "Grace Hopper joined");
      const lines = [
        [grace, "Good morning! Did the new build go out?"],
        [ada, "It did, ten minutes ago."],
        [ada, "Both regions are on it, and the error rate is where it was."],
        [grace, "Lovely. I pulled the cable for a minute to see what my page does. It said so, counted down, and came back by itself."],
        [grace, "Nothing was lost either."],
        [ada, "That's the idea 😄 Shall we let the others in?"],
      ];
      for (const [person, text] of lines) {
        await say(person.page, text);
        await sees(ada.page, text);
      }
      // On a busy machine the first measurement is one of the machine.
      await until(ada.page, () => / \d ms$/.test(document.getElementById("state").textContent)).catch(() => {});
      await ada.page.screenshot({ path: `${folder}/chat-${kind}-${colorScheme}.png` });
      await ada.context.close();
      await grace.context.close();
    }
  }
}

let passed = 0, failed = 0;
const server = await startServer(0);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const world = { browser, server, port: server.port };
try {
  if (pictures) await takePictures(browser, world.port, pictures);
  world.ada = await join(browser, world.port, "Ada", "tests");
  world.bob = await join(browser, world.port, "Bob", "tests");
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test(world);
      passed++;
      console.log(`passed ${name}`);
    } catch (error) {
      failed++;
      console.log(`failed ${name}\n${error.stack}`);
    }
  }
} catch (error) {
  failed++;
  console.log(`failed to begin\n${error.stack}`);
} finally {
  await browser.close();
  world.server.kill();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
