// Hides the cards that do not match the search (as it is typed) and the tag in the URL, and puts them under their tags: the stream sends all cards.
(() => {
  "use strict";
  const list = () => document.getElementById("cards");
  const tagsOf = (card) => card.dataset.tags?.split(",") ?? [];
  const tagOf = (card) => tagsOf(card)[0] ?? "";

  let searched = false; // somebody has typed: an empty search shows all again

  function find() {
    const { find: wanted = "", tag, group } = list()?.dataset ?? {};
    if (wanted || tag || searched) {
      for (const card of list().querySelectorAll(".card")) {
        card.hidden = !card.dataset.words.includes(wanted) || (tag !== undefined && !tagsOf(card).includes(tag));
      }
    }
    if (group) arrange();
  }

  // As `by_first_tag` in app/web/connections/tag_groups.py does for the page.
  function arrange() {
    const cards = [...list().querySelectorAll(".card")].sort((a, b) => (a.dataset.order < b.dataset.order ? -1 : 1));
    const groups = Map.groupBy(cards, tagOf);
    const tags = [...groups.keys()].sort((a, b) => !a - !b || (a < b ? -1 : 1));
    const wanted = tags.flatMap((tag) => [heading(tag, groups.get(tag)), ...groups.get(tag)]);
    const now = [...list().children];
    if (wanted.length === now.length && wanted.every((each, place) => each === now[place])) return;
    const focused = document.activeElement;
    list().replaceChildren(...wanted);
    if (list().contains(focused)) focused.focus({ preventScroll: true });
  }

  function heading(tag, cards) {
    const known = [...list().querySelectorAll(".group")].find((each) => each.dataset.group === tag);
    const made = known ?? document.createElement("h2");
    made.className = "group";
    made.dataset.group = tag;
    made.textContent = tag ? cards[0].querySelector(".tags a").textContent : list().dataset.rest;
    made.hidden = cards.every((card) => card.hidden);
    return made;
  }

  function search({ target: { value } }) {
    const text = value.trim();
    searched = true;
    list().dataset.find = text.toLowerCase();
    const sought = document.getElementById("sought");
    sought.hidden = !text;
    sought.querySelector("bdi").textContent = text;
    const address = new URL(location.href);
    if (text) address.searchParams.set("q", text);
    else address.searchParams.delete("q");
    history.replaceState(history.state, "", address);
    find();
  }

  addEventListener("DOMContentLoaded", () => {
    find();
    const field = document.querySelector(".find input[name=q]");
    field?.addEventListener("input", search);
    field?.form.addEventListener("submit", (event) => event.preventDefault());
  });
  ["htmx:sse:after:message", "htmx:finally:request"].forEach((name) => document.addEventListener(name, find));
})();
