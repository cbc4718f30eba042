import type { Database, Statement } from '../database/database.js';
import { isoOrNull } from '../lifecycle/timing.js';
import type { Piece, PieceStore } from './ports.js';

/** $1 value id, $2 index, $3 data, $4 now */
const PUT_PIECE: Statement = {
  name: 'put_piece',
  text: `
INSERT INTO value_pieces (value_id, index, data, put_at)
VALUES ($1::uuid, $2::int, $3::bytea, $4::timestamptz)
ON CONFLICT DO NOTHING`,
};

/** $1 value ids */
const READ_PIECES: Statement = {
  name: 'read_pieces',
  text: `
SELECT value_id AS "valueId", index, data
FROM value_pieces
WHERE value_id = ANY($1::uuid[])
ORDER BY value_id, index`,
};

/** $1 value ids */
const DELETE_PIECES: Statement = {
  name: 'delete_pieces',
  text: 'DELETE FROM value_pieces WHERE value_id = ANY($1::uuid[])',
};

/** $1 since when they must have been here */
const FORGET_PIECES: Statement = {
  name: 'forget_pieces',
  text: 'DELETE FROM value_pieces WHERE put_at < $1::timestamptz',
};

/** The {@link PieceStore} on PostgreSQL. */
export function postgresPieces(database: Database): PieceStore {
  return {
    now: () => database.now(),
    put: async ({ valueId, index, data }) => {
      await database.query(PUT_PIECE, [valueId, index, data, isoOrNull(database.now())]);
    },
    read: (valueIds) => database.query<Piece>(READ_PIECES, [valueIds]),
    delete: async (valueIds) => void (await database.query(DELETE_PIECES, [valueIds])),
    forget: async (keptForMs) => {
      await database.query(FORGET_PIECES, [isoOrNull(database.now() - keptForMs)]);
    },
  };
}
