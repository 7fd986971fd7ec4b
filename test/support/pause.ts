/** For what goes on over time, such as a flood or a soak. A test that waits for something awaits that thing. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
