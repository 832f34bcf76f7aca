// Choosing a language asks for this page in it. What stands behind the # of the address stays there.
const form = document.querySelector("[data-language]");
form.querySelector("[data-choose]").hidden = true;
form.elements.lang.addEventListener("change", () => {
  if (form.method === "post") form.requestSubmit();
  else location.search = new URLSearchParams({ lang: form.elements.lang.value });
});
