// The package's types as an application meets them; `tsc` alone reads this.

import { Client } from '@stomp/stompjs';

import { recovering } from '@campanile/stompjs-recovery';
import type { Gap, Resumed } from '@campanile/stompjs-recovery';

const client = new Client();
const subscription = recovering(client).subscribe('/topic/quotes', (message) => message.body.trim(), {
  headers: { selector: 'price > 5' },
  after: window.sessionStorage.getItem('cursor') ?? undefined,
  onRecovered: ({ recovered, cursor }: Resumed) => recovered && cursor?.length,
  onGap: ({ dropped = 0, cursor }: Gap) => dropped + (cursor?.length ?? 0),
});
const cursor: string | undefined = subscription.cursor;
recovering(client).subscribe('/topic/plain', () => {}).unsubscribe();
subscription.unsubscribe({ note: cursor ?? '' });

// @ts-expect-error: only the package writes it
subscription.cursor = 'e-1';
// @ts-expect-error: a client of stompjs is needed
recovering({});
// @ts-expect-error: so is a callback
recovering(client).subscribe('/topic/quotes');
// @ts-expect-error: there is no such option
recovering(client).subscribe('/topic/quotes', () => {}, { onLost: () => {} });
