import { Injectable } from '@nestjs/common';
import { renderDocsPage } from './docs-page.js';
import { buildDocument } from './openapi/document.js';

/** The API's description, made at its first use and kept. */
@Injectable()
export class ApiDescription {
  private jsonText: string | undefined;
  private pageText: string | undefined;

  json(): string {
    return (this.jsonText ??= JSON.stringify(buildDocument()));
  }

  page(): string {
    return (this.pageText ??= renderDocsPage(buildDocument()));
  }
}
