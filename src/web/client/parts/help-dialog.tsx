import { Button, Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { pages } from './pages.ts';

export function HelpDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <ModalOverlay className="overlay" isOpen={open} isDismissable onOpenChange={o => !o && onClose()}>
      <Modal className="modal">
        <Dialog>
          <Heading slot="title">{t('help.title')}</Heading>
          <dl className="keys">
            {pages.map(p => (
              <div key={p.key}>
                <dt>
                  <kbd>g</kbd> <kbd>{p.key}</kbd>
                </dt>
                <dd>{t(`page.${p.name}`)}</dd>
              </div>
            ))}
            <div>
              <dt>
                <kbd>?</kbd>
              </dt>
              <dd>{t('help.title')}</dd>
            </div>
            <div>
              <dt>
                <kbd>Esc</kbd>
              </dt>
              <dd>{t('help.close')}</dd>
            </div>
          </dl>
          <p>{t('help.figures')}</p>
          <Button className="primary" onPress={onClose}>
            {t('close')}
          </Button>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
