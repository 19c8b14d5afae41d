"use strict";
(() => {
	const tools = document.getElementById("tools");
	if (!tools)
		return;
	const filter = document.getElementById("filter");
	const levels = [...tools.querySelectorAll("input[type=checkbox]")];
	const groups = [...document.querySelectorAll("details.group")].map((box) => ({ box, text: null }));
	const shown = document.getElementById("shown");

	/* A group's text is long: it is taken when somebody first looks for something. */
	const textOf = (group) => (group.text ??= group.box.textContent.toLowerCase());
	const update = () => {
		const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
		const on = new Set(levels.filter((level) => level.checked).map((level) => level.value));
		let count = 0;
		for (const group of groups) {
			const visible = on.has(group.box.dataset.level) &&
				words.every((word) => textOf(group).includes(word));
			group.box.hidden = !visible;
			count += visible;
		}
		shown.textContent = count === groups.length ? "" : `${count} of ${groups.length} shown`;
	};
	const openAll = (open) => {
		for (const group of groups)
			if (!group.box.hidden)
				group.box.open = open;
	};
	/* A link to a group opens it. */
	const openLinked = () => {
		const box = document.getElementById(location.hash.slice(1));
		if (box && box.matches("details.group"))
			box.open = true;
	};

	filter.addEventListener("input", update);
	for (const level of levels)
		level.addEventListener("change", update);
	document.getElementById("open-all").addEventListener("click", () => openAll(true));
	document.getElementById("close-all").addEventListener("click", () => openAll(false));
	document.addEventListener("keydown", (event) => {
		if (event.key !== "/" || event.target.matches("input") || event.ctrlKey || event.metaKey)
			return;
		event.preventDefault();
		filter.focus();
	});
	addEventListener("hashchange", openLinked);
	tools.hidden = false;
	openLinked();
	update();
})();
