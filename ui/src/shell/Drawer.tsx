// The navigation of a narrow screen: it slides over the page, keeps the focus, and gives it back.
import { X } from "lucide-react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";
import { Brand, Me, Nav } from "./Nav";

export default function Drawer({ close }: { close: () => void }) {
  return (
    <ModalOverlay className="veil drawerveil" isOpen onOpenChange={(is) => !is && close()} isDismissable>
      <Modal className="drawer">
        <Dialog aria-label="Menu">
          <div className="top">
            <Brand />
            <button type="button" className="btn sq end" aria-label="Close the menu" onClick={close}>
              <X size={18} aria-hidden />
            </button>
          </div>
          <nav aria-label="Primary" className="stack">
            <Nav />
          </nav>
          <Me />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
