import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button, Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { post } from '../data.ts';
import { errorText } from './error-text.ts';

/** What a decision is about when the page already knows; `words` are as on the command line. */
export type Proposal = { readonly kind: string; readonly words: readonly string[]; readonly about: string; readonly fields?: Readonly<Record<string, string>> };

/** Who decides and why: nothing is written down without a name. */
export function DecisionDialog({ proposal, onClose }: { proposal: Proposal; onClose: () => void }) {
  const { t } = useTranslation();
  const [by, setBy] = useState(localStorage.getItem('by') ?? '');
  const [reason, setReason] = useState('');
  const client = useQueryClient();
  const record = useMutation({
    mutationFn: () => post('/decisions', { kind: proposal.kind, by: by.trim(), words: proposal.words, fields: { ...proposal.fields, reason } }),
    onSuccess: async () => {
      localStorage.setItem('by', by.trim());
      await client.invalidateQueries({ queryKey: ['/decisions'] });
      onClose();
    },
  });
  return (
    <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={o => !o && onClose()}>
      <Modal className="modal">
        <Dialog>
          <form
            className="form"
            onSubmit={e => {
              e.preventDefault();
              if (by.trim() !== '' && !record.isPending) record.mutate();
            }}
          >
            <Heading slot="title">{t(`case:decision.kind.${proposal.kind}`)}</Heading>
            <p>{proposal.about}</p>
            <label>
              {t('decisions.by')}
              <input value={by} onChange={e => setBy(e.target.value)} required maxLength={200} autoComplete="name" />
            </label>
            <label>
              {t('decisions.reason')}
              <textarea value={reason} onChange={e => setReason(e.target.value)} maxLength={2000} rows={3} />
            </label>
            <p className="soft">{t('decisions.forever')}</p>
            {record.error && (
              <p role="alert" className="warning">
                {errorText(t, record.error)}
              </p>
            )}
            <div className="actions">
              <Button className="plain" onPress={onClose}>
                {t('decisions.cancel')}
              </Button>
              <button type="submit" className="primary" disabled={by.trim() === '' || record.isPending}>
                {t('decisions.record')}
              </button>
            </div>
          </form>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
