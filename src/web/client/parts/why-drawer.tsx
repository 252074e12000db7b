import { useNavigate } from '@tanstack/react-router';
import { Button, Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useExplanation, useLine } from '../data.ts';
import { LineLink } from './figure.tsx';
import { State } from './state.tsx';

/** 「この数字の根拠」: the proof tree of a reference, or a line of evidence as it stands. Part of the link, closed with Esc. */
export function WhyDrawer({ reference, line }: { reference: string | null; line: string | null }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const close = (): void => void navigate({ to: '.', search: (s: object) => ({ ...s, why: undefined, line: undefined }) });
  return (
    <ModalOverlay className="overlay side" isOpen isDismissable onOpenChange={o => !o && close()}>
      <Modal className="drawer">
        <Dialog>
          <div className="drawer-head">
            <Heading slot="title">{t(line === null ? 'why.title' : 'why.line')}</Heading>
            <Button className="plain" onPress={() => window.print()}>
              {t('print')}
            </Button>
            <Button className="plain" onPress={close} autoFocus>
              {t('close')}
            </Button>
          </div>
          <p className="soft">
            <code>{line ?? reference}</code>
          </p>
          {line === null ? <Explanation reference={reference!} /> : <Line place={line} />}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

/** A node of the proof as the server gives it. */
export type Proof = {
  readonly text?: { readonly ja: string; readonly en: string };
  readonly place?: { readonly file?: string; readonly line?: number; readonly byte?: number; readonly bytes?: number; readonly sha256?: string };
  readonly children?: readonly Proof[];
};

function Explanation({ reference }: { reference: string }) {
  const query = useExplanation(reference);
  return (
    <>
      <State query={query} />
      {query.data !== undefined && (
        <ul className="proof">
          <Node proof={query.data as Proof} depth={0} />
        </ul>
      )}
    </>
  );
}

function Node({ proof, depth }: { proof: Proof; depth: number }) {
  const { i18n } = useTranslation();
  const children = proof.children ?? [];
  const text = proof.text?.[i18n.language as 'ja' | 'en'] ?? '';
  const own = (
    <>
      {text}
      {proof.place?.file !== undefined && proof.place.line !== undefined && (
        <>
          {' '}
          <LineLink file={proof.place.file} line={proof.place.line} />
        </>
      )}
      {proof.place?.sha256 !== undefined && <small className="hash">SHA-256 {proof.place.sha256}</small>}
    </>
  );
  if (children.length === 0) return <li>{own}</li>;
  return (
    <li>
      <details open={depth < 3}>
        <summary>{own}</summary>
        <ul>
          {children.map((c, i) => (
            <Node key={`${depth}-${i}`} proof={c} depth={depth + 1} />
          ))}
        </ul>
      </details>
    </li>
  );
}

function Line({ place }: { place: string }) {
  const { t } = useTranslation();
  const colon = place.lastIndexOf(':');
  const query = useLine(place.slice(0, colon), Number(place.slice(colon + 1)));
  return (
    <>
      <State query={query} />
      {query.data && (
        <>
          <pre className="raw">{query.data.text}</pre>
          <dl className="facts">
            <div>
              <dt>{t('why.bytes')}</dt>
              <dd>
                {query.data.byte.toLocaleString('en-US')} + {query.data.bytes.toLocaleString('en-US')}
              </dd>
            </div>
            <div>
              <dt>SHA-256</dt>
              <dd>
                <code>{query.data.sha256}</code>
              </dd>
            </div>
          </dl>
        </>
      )}
    </>
  );
}
