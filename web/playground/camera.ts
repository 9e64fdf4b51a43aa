// The device's camera, as frames to run.

import { type Signal, signal } from "@preact/signals";

export class Camera {
  /** While it is on. */
  readonly stream: Signal<MediaStream | undefined> = signal<MediaStream | undefined>(undefined);
  /** Shows the stream wherever the page puts it. */
  readonly video: HTMLVideoElement = document.createElement("video");

  constructor() {
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.setAttribute("aria-label", "What the camera sees");
  }

  /** @throws {Error} one line that says why there is none */
  async start(): Promise<void> {
    // pages that did not come by https have none
    if (!navigator.mediaDevices) throw new Error("The browser gives a camera only to pages that came by https");
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      throw new Error(whyNot(error));
    }
    for (const track of stream.getTracks()) track.addEventListener("ended", () => this.stop());
    this.video.srcObject = stream;
    await this.video.play();
    this.stream.value = stream;
  }

  stop(): void {
    for (const track of this.stream.value?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
    this.stream.value = undefined;
  }
}

function whyNot(error: unknown): string {
  if (!(error instanceof DOMException)) return String(error);
  if (error.name === "NotAllowedError") return "The camera was not allowed";
  return error.name === "NotFoundError" ? "There is no camera" : `The camera cannot be used: ${error.message}`;
}
