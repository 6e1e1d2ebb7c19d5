// What the page begins with.
const main = document.createElement("main");
const link = document.createElement("a");
link.href = "./docs";
link.textContent = "The API describes itself";
main.append(link);
document.getElementById("app").replaceChildren(main);
