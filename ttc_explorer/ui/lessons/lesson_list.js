// Learn: how far the learner is in each lesson, and the printing of the teacher's guide.
(() => {
  let progress = { lessons: {} };

  const mark = () => {
    for (const row of document.querySelectorAll("[data-lesson-row]")) {
      const { done = [], step = 0 } = progress.lessons[row.dataset.lessonRow] ?? {}, total = Number(row.dataset.steps);
      const whole = done.length >= total, begun = done.length > 0 || step > 0;
      row.querySelector("progress").value = done.length;
      row.classList.toggle("done", whole);
      const button = row.querySelector("[data-lesson]"), word = whole ? "Again" : begun ? "Go on" : "Start";
      if (button.textContent !== word) {
        button.textContent = word;
        button.setAttribute("aria-label", `${word}: ${row.querySelector("b").textContent}`);
      }
    }
  };
  document.addEventListener("ttc-lessons", (event) => {
    progress = event.detail;
    mark();
  });
  // The page is made when its tab is first opened.
  new MutationObserver((changes) => {
    if (changes.some(({ addedNodes }) => [...addedNodes].some((node) => node.querySelector?.("[data-lesson-row]")))) mark();
  }).observe(document, { childList: true, subtree: true });

  addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-print-guide]")) return;
    event.preventDefault();
    const paper = document.querySelector(".guide-paper").cloneNode(true);
    paper.id = "printed";
    document.body.append(paper);
    document.documentElement.classList.add("prints-guide");
    print();
  });
  addEventListener("afterprint", () => {
    document.getElementById("printed")?.remove();
    document.documentElement.classList.remove("prints-guide");
  });
})();
