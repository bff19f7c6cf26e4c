// Drags an extent on the picture.  `element` is the component, `props.value` the extent as shares of width and height,
// [left, top, right, bottom], and `drawn` tells the page that the user has drawn another one.
const LEAST = 0.004;
let from = null;

function at(event) {
  const frame = element.querySelector('.look').getBoundingClientRect();
  const share = (value, low, size) => Math.min(Math.max((value - low) / size, 0), 1);
  return [share(event.clientX, frame.left, frame.width), share(event.clientY, frame.top, frame.height)];
}

function show(box) {
  const style = element.querySelector('.extent').style;
  style.left = 100 * box[0] + '%';
  style.top = 100 * box[1] + '%';
  style.width = 100 * (box[2] - box[0]) + '%';
  style.height = 100 * (box[3] - box[1]) + '%';
}

function between(one, two) {
  const [left, right] = [one[0], two[0]].sort((a, b) => a - b);
  const [top, bottom] = [one[1], two[1]].sort((a, b) => a - b);
  return [left, top, right, bottom];
}

element.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || !event.target.closest('.look')) return;
  from = at(event);
  element.setPointerCapture(event.pointerId);
  event.preventDefault();
});
element.addEventListener('pointermove', (event) => {
  if (from) show(between(from, at(event)));
});
element.addEventListener('pointerup', (event) => {
  if (!from) return;
  const box = between(from, at(event));
  from = null;
  if (box[2] - box[0] < LEAST || box[3] - box[1] < LEAST) {
    show(props.value); // a click draws nothing
    return;
  }
  props.value = box;
  trigger('drawn');
});
element.addEventListener('pointercancel', () => {
  if (from) show(props.value);
  from = null;
});
