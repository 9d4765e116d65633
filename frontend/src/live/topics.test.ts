import { describe, expect, it } from 'vitest'
import { effectScope, nextTick } from 'vue'

import { followed, useTopic } from './topics'

async function settled(): Promise<void> {
  await new Promise((done) => setTimeout(done))
  await nextTick()
}

function open(...topics: string[]): () => void {
  const scope = effectScope()
  scope.run(() => topics.forEach(useTopic))
  return () => scope.stop()
}

describe('the topics that pages follow', () => {
  it('are those of the frame and of every component that is there', async () => {
    const frame = [...followed.value]
    const [first, second] = [open('gains', 'webhooks'), open('webhooks')]
    await settled()
    expect(followed.value).toEqual([...frame, 'gains', 'webhooks'])
    first()
    await settled()
    expect(followed.value).toEqual([...frame, 'webhooks'])
    second()
    await settled()
    expect(followed.value).toEqual(frame)
  })
  it('never lose what the frame shows', async () => {
    const close = open('alerts')
    await settled()
    close()
    await settled()
    expect(followed.value).toContain('alerts')
  })
})
