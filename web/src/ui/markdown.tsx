// A vendor's document: Markdown without HTML, and nothing in it that loads or runs.
import Markdown from 'react-markdown';
import remarkGfm from 'remark-gfm';

export default function Document({ text }: { text: string }) {
  return (
    <article className="document">
      <Markdown
        remarkPlugins={[remarkGfm]}
        components={{
          // A picture would be fetched from wherever the document says; a link opens only where one can see it goes.
          img: ({ alt }) => <span className="second">[{alt}]</span>,
          a: ({ children, href }) => (
            <a href={href} target="_blank" rel="noreferrer noopener nofollow">
              {children}
            </a>
          ),
          pre: ({ children }) => <pre tabIndex={0}>{children}</pre>,
        }}
      >
        {text}
      </Markdown>
    </article>
  );
}
