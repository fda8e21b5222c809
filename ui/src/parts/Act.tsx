// A thing that is done to the server: busy while it is, and in the server's words when it is refused.
import { useState, type ReactNode } from "react";
import { Button, Dialog, DialogTrigger, Modal, ModalOverlay, Popover } from "react-aria-components";
import { Trouble } from "./Wait";

export type Doing = { busy: boolean; error: unknown; run: (work: () => Promise<unknown>) => Promise<boolean>; clear: () => void };

export function useDoing(): Doing {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (refused) {
      setError(refused);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run, clear: () => setError(null) };
}

/** A button that asks once more before it does what can't be undone. */
export function Sure({ label, question, word, act, icon }: { label: string; question: string; word: string; act: () => Promise<unknown>; icon?: ReactNode }) {
  const doing = useDoing();
  return (
    <DialogTrigger>
      <Button className="btn">
        {icon}
        {label}
      </Button>
      <Popover className="pop" placement="bottom end">
        <Dialog className="ask" aria-label={label}>
          {({ close }) => (
            <>
              <p>{question}</p>
              {doing.error !== null && <Trouble error={doing.error} />}
              <div className="actions">
                <Button className="btn" onPress={close}>
                  No
                </Button>
                <Button className="btn primary" isPending={doing.busy} onPress={() => void doing.run(act).then((done) => done && close())}>
                  {word}
                </Button>
              </div>
            </>
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

/** A form in front of the page. */
export function Sheet({ open, close, title, children }: { open: boolean; close: () => void; title: string; children: ReactNode }) {
  return (
    <ModalOverlay className="veil" isOpen={open} onOpenChange={(is) => !is && close()} isDismissable>
      <Modal className="palette">
        <Dialog className="stack pad" aria-label={title}>
          <h2>{title}</h2>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
