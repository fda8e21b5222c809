/** Whether keys without a modifier do anything; some people's input method types them by itself. */
export const keysOn = (): boolean => localStorage.getItem("keys") !== "off";
