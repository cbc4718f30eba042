import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

/** The input that resumes the pause `approval`: `flux workflow resume publish_article ID '{"approved": true}'`. */
const decision = z.object({ approved: z.boolean(), by: z.string().default('somebody') });

const ask = task('ask_for_approval', (ctx: TaskContext, title: string) => {
  ctx.log.info(`'${title}' waits for its approval`, { executionId: ctx.executionId });
  return Promise.resolve(null);
});

const publish = task('publish', (ctx: TaskContext, title: string) => {
  ctx.log.info(`'${title}' is published`);
  return Promise.resolve({ published: title });
});

/**
 * Publishes an article once somebody has approved it, and gives up after three days. While it waits it is PAUSED and
 * takes no worker's place; it goes on wherever there is one, and can be cancelled all the while: by its id, or by an
 * event about its title, `flux event send article_withdrawn TITLE`.
 */
export const publishArticle = workflow(
  'publish_article',
  async (ctx: ExecutionContext, input: { title: string }) => {
    await ctx.run(ask, input.title);
    const answer = await Promise.race([ctx.pause('approval'), ctx.sleep('72h').then(() => 'too late')]);
    if (answer === 'too late') return { published: null, why: 'nobody decided within three days' };
    const { approved, by } = decision.parse(answer);
    return approved ? ctx.run(publish, input.title) : { published: null, why: `${by} said no` };
  },
  {
    input: z.object({ title: z.string().default('Stop what you started') }),
    cancelOn: [{ event: 'article_withdrawn', key: 'title' }],
  },
);
