// Before the first paint, so that no page flashes in the other theme. A file of its own: the policy allows no inline script.
(function () {
  var wanted = localStorage.getItem("theme") || "system";
  var light = wanted === "light" || (wanted === "system" && matchMedia("(prefers-color-scheme: light)").matches);
  document.documentElement.dataset.theme = light ? "light" : "dark";
})();
