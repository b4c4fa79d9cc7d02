/** Work done again and again, while anybody can see the page. */

/** Does the work some seconds after it was last done, for as long as `isWanted` says so. */
export function every(seconds, work, { isWanted = () => true } = {}) {
  const again = async () => {
    if (!document.hidden && isWanted()) await work();
    setTimeout(again, 1000 * seconds);
  };
  setTimeout(again, 1000 * seconds);
}
