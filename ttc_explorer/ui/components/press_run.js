() => { document.querySelector("#run").click(); }
