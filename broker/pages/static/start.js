// The pages work without this. With it: the menu folds on a narrow screen, and a form is not sent twice by a double click.
import { initAll } from './govuk/govuk-frontend.min.js'

document.body.classList.add('js-enabled', 'govuk-frontend-supported')
initAll()
