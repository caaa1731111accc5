// Keeps the address and the pages at one. `window.ttcAddress` is what lessons use:
//
//   readState()              what the address says, or would say if something was changed: a state (address_state.js)
//   await applyState(state)  opens the page that the state names, sets its real controls, all others to their defaults, and
//                            presses Run if it says `run: true`: a new entry of the history. lesson, lesson_step, hide and
//                            embed stay as they are unless the state names them
//   updateState(values)      changes keys that are no controls: lesson, lesson_step, hide, embed; undefined takes one out
//   onState(listener)        `listener(state)` whenever back, forward, a link or applyState brought another state
//
// What a visitor sets comes by `changed`, from events of Gradio that stay in the browser. An address that is opened goes to the
// server as the text that it is, by `send`; `applied` says that the controls stand, and the page hears `ttc-set` then
// (on_load.js). `at` is what the replay of the page's viewer says and obeys (viewer.js).
import { MAX_ADDRESS_CHARACTERS, formatAddress, parseAddress } from "./address_state.js";

const VIEW_KEYS = ["lesson", "lesson_step", "hide", "embed"];  // of the whole; `at` is of the run on screen
const WRITE_DELAY = 150;                // milliseconds: browsers allow so many changes of the address and no more
const TOUCHES = ["pointerdown", "keydown", "input", "change"];

/** Connects the window's address; `keys` are those of browser_keys in address_state.py. */
export function connectAddress(window, keys) {
  const { document, history, location } = window, root = document.documentElement;
  const usual = Object.fromEntries(keys.map((key) => [key.name, key.default ?? undefined]));
  const controls = {}, ran = {}, links = {}, moments = {};  // by page: a state, the text of the one that was run, its address, what its replay shows
  const listeners = [], opening = [];   // opening: addresses whose controls do not stand yet; the first is with the server
  let connection, page = usual.page, view = {}, timer = 0;
  let entryRun;                         // what the entry of the history ran
  let pressing = false, waiting;        // while an address has Run pressed, which may wait for the end of a run before
  let touched = location.hash.length > 1;  // else the address stays empty until somebody does something

  const pickView = (state) => Object.fromEntries(VIEW_KEYS.map((name) => [name, state[name]]));
  const runText = (name, state) => {
    const noView = Object.fromEntries([...VIEW_KEYS, "run", "at"].map((key) => [key, undefined]));
    return formatAddress({ ...usual, ...state, ...noView, page: name }, keys);
  };
  const hasRun = (name) => ran[name] !== undefined && ran[name] === runText(name, controls[name]);
  const readState = () => {
    const run = hasRun(page) ? { run: true, at: moments[page] } : {};
    return JSON.parse(JSON.stringify({ page, ...controls[page], ...run, ...view }));  // without what is undefined
  };

  // A run keeps its entry of the history: what is set after it is another entry, until that is run.
  const write = (how) => {
    clearTimeout(timer);
    timer = 0;
    const hash = formatAddress(readState(), keys), run = hasRun(page) ? ran[page] : undefined;
    if (hash === location.hash || hash.length > MAX_ADDRESS_CHARACTERS) return;
    const another = entryRun !== undefined && entryRun !== run;
    history[how ?? (another ? "pushState" : "replaceState")](null, "", `${location.pathname}${location.search}${hash}`);
    entryRun = run;
  };
  const writeSoon = () => {
    if (opening.length || pressing || !touched) return;
    clearTimeout(timer);
    timer = setTimeout(write, WRITE_DELAY);
  };
  const finishEntry = () => { if (timer) write(); };  // what was set before another page opens belongs to this one

  const setView = (state) => {
    view = pickView(state);
    root.dataset.hide = (view.hide ?? []).join(" ");  // address.css hides them
    root.toggleAttribute("data-embed", Boolean(view.embed));
  };
  const goTo = (hash, state) => {
    page = state.page ?? usual.page;
    setView(state);
    entryRun = state.run ? runText(page, state) : undefined;
    clearTimeout(timer);
    timer = 0;
    waiting?.disconnect();
    pressing = false;
    const press = Boolean(state.run) && ran[page] !== entryRun;
    const text = hash.slice(0, MAX_ADDRESS_CHARACTERS + 1);
    const done = new Promise((resolve) => opening.push({ page, text, press, at: state.at, resolve }));
    document.getElementById(`${page}-page-button`)?.click();
    if (opening.length === 1) connection.send(page, text);
    for (const listener of listeners) listener(state);
    return done;
  };
  const follow = () => goTo(location.hash, parseAddress(location.hash, keys).state);

  const tellReplay = (name, type, at) => {
    document.querySelector(`#${name}-page [data-viewer]`)?.dispatchEvent(new window.CustomEvent(type, { detail: at }));
  };
  document.addEventListener("ttc-at", ({ target, detail }) => {
    const name = target.closest("[id$=-page]")?.id.replace(/-page$/, "");
    moments[name] = detail ?? undefined;
    if (name === page) writeSoon();
  });

  const pressRun = ({ run, stop }) => {
    const button = document.getElementById(run);
    const press = () => {
      if (button.disabled) return;
      waiting.disconnect();
      button.click();
    };
    waiting = new MutationObserver(press);
    waiting.observe(button, { attributes: true });
    if (button.disabled) document.getElementById(stop).click();
    press();
  };

  const followTabs = () => {            // at once, whatever the page that opens asks of the server
    const selected = document.querySelector("#pages > .tab-wrapper [aria-selected=true][id$=-page-button]");
    const name = selected?.id.replace(/-page-button$/, "");
    if (name === undefined || name === page) return;
    finishEntry();
    page = name;
    write("pushState");
  };

  setView(parseAddress(location.hash, keys).state);
  window.addEventListener("popstate", () => { if (connection) follow(); });
  for (const type of TOUCHES) window.addEventListener(type, () => { touched = true; }, { capture: true, once: true });

  return {
    readState,
    onState: (listener) => listeners.push(listener),
    updateState(values) {
      touched = true;
      setView({ ...view, ...values });
      writeSoon();
    },
    applyState(state) {
      const hash = formatAddress({ page: usual.page, ...view, ...state }, keys);
      finishEntry();
      touched = true;
      history.pushState(null, "", `${location.pathname}${location.search}${hash}`);
      return goTo(hash, parseAddress(hash, keys).state);
    },
    /** The link to what is on screen, as a whole page; without the query, which is the visitor's own (a theme, a pass). */
    link: () => `${location.origin}${location.pathname}${formatAddress({ ...readState(), embed: undefined }, keys)}`,

    // --- what the pages call ------------------------------------------------------------------------------------------
    /** `send(page, hash)` gives an address to the server; `runButtons` are the ids of Run and Stop by page. */
    connect(to) {
      connection = to;
      window.addEventListener("click", () => setTimeout(followTabs));  // keys and scripts click too
      if (location.hash.length > 1) follow();
    },
    /** The address by which the run on a page comes again; undefined for one that no address says. */
    linkOfRun: (name) => links[name],
    /** Whether an address is about to set the controls of this page. */
    isOpening: (name) => opening.some((address) => address.page === name),
    /** The run on screen is another than the controls say: one of a file, or one that was gone on with by hand. */
    forgetRun(name) {
      delete ran[name];
      delete links[name];
      writeSoon();
    },
    changed(name, state) {
      controls[name] = state;
      if (name === page) writeSoon();
    },
    ran(name, state) {
      controls[name] = state;
      ran[name] = runText(name, state);
      links[name] = formatAddress({ page: name, ...state, run: true }, keys);
      touched = true;
      if (!pressing) moments[name] = undefined;
      write(pressing ? "replaceState" : undefined);
      pressing = false;
    },
    applied(name, state) {
      if (opening[0]?.page !== name) return;
      const { press, at, resolve } = opening.shift();
      controls[name] = state;
      if (opening.length) {             // answers may overtake each other: the last address is sent when nothing is on its way
        const last = opening.at(-1), resolves = [resolve, ...opening.map((address) => address.resolve)];
        opening.splice(0, Infinity, { ...last, resolve: () => resolves.forEach((each) => each()) });
        connection.send(last.page, last.text);
        return;
      }
      document.dispatchEvent(new window.CustomEvent("ttc-set", { detail: name }));
      pressing = press && name in connection.runButtons;
      tellReplay(name, "ttc-open-at", pressing ? at ?? null : null);
      if (pressing) {
        moments[name] = at;
        pressRun(connection.runButtons[name]);
      } else {
        if (hasRun(name)) tellReplay(name, "ttc-show-at", at ?? Infinity);
        writeSoon();
      }
      resolve();
    },
  };
}
