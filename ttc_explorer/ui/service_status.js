// The line below the pages that says what this is and how busy: asked for now and then while the page is seen.
(() => {
  const EVERY = 10_000;                 // milliseconds
  const words = (status) => [
    `version ${status.version}`,
    status.model ?? "models are loading",
    status.running === 1 ? "1 run in progress" : `${status.running} runs in progress`,
    ...(status.waiting ? [`${status.waiting} waiting`] : []),
  ].join(" · ");

  const update = async () => {
    const line = document.getElementById("service-status");
    if (!line || document.hidden) return;
    try {
      const reply = await fetch(new URL("service-status", document.baseURI));
      if (reply.ok) line.textContent = words(await reply.json());
    } catch { /* the server has gone: what was said last stays */ }
  };
  const opening = setInterval(() => {   // Gradio draws the page at some time after it has loaded
    if (!document.getElementById("service-status")) return;
    clearInterval(opening);
    update();
    setInterval(update, EVERY);
  }, 200);
  document.addEventListener("visibilitychange", update);
})();
