"""Rules that the database keeps itself: what was shown binds a ballot, judgments and the audit are append-only.

Also the storage of the hot tables: room on a page for updates in place, and vacuum by count.
"""

from django.db import migrations

SHOWN_BINDS_A_BALLOT = """
ALTER TABLE annotate_rankedcandidate
  ADD CONSTRAINT only_what_was_shown_is_ranked
  FOREIGN KEY (assignment_id, message_id) REFERENCES annotate_assignmentcandidate (assignment_id, message_id);
"""

STORAGE = """
ALTER TABLE annotate_unit SET (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE annotate_assignment SET (fillfactor = 80);
ALTER TABLE annotate_stale SET (fillfactor = 70);
"""

JUDGMENTS_ARE_IMMUTABLE = """
CREATE FUNCTION annotate_judgment_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a judgment is never deleted: withdraw it' USING ERRCODE = 'restrict_violation';
  END IF;
  IF (to_jsonb(NEW) - '{is_current,counted,withdrawn_at,rationale,annotator_id}'::text[])
     IS DISTINCT FROM (to_jsonb(OLD) - '{is_current,counted,withdrawn_at,rationale,annotator_id}'::text[]) THEN
    RAISE EXCEPTION 'a judgment is immutable: supersede it' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.rationale IS DISTINCT FROM OLD.rationale AND NOT (NEW.withdrawn_at IS NOT NULL AND NEW.rationale = '') THEN
    RAISE EXCEPTION 'the words of a judgment change only when it is withdrawn' USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.withdrawn_at IS NOT NULL AND (NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at OR NEW.is_current) THEN
    RAISE EXCEPTION 'a withdrawn judgment stays withdrawn' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.annotator_id IS DISTINCT FROM OLD.annotator_id
     AND NOT EXISTS (SELECT 1 FROM annotate_annotator a WHERE a.id = OLD.annotator_id AND a.merged_into_id = NEW.annotator_id) THEN
    RAISE EXCEPTION 'a judgment changes hands only when a guest is merged' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER judgment_is_immutable BEFORE UPDATE OR DELETE ON annotate_judgment
  FOR EACH ROW EXECUTE FUNCTION annotate_judgment_is_immutable();

CREATE FUNCTION annotate_rows_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ranked_candidates_are_append_only BEFORE UPDATE OR DELETE ON annotate_rankedcandidate
  FOR EACH ROW EXECUTE FUNCTION annotate_rows_are_append_only();
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON annotate_auditevent
  FOR EACH ROW EXECUTE FUNCTION annotate_rows_are_append_only();
CREATE TRIGGER consensus_is_append_only BEFORE UPDATE OR DELETE ON annotate_consensus
  FOR EACH ROW EXECUTE FUNCTION annotate_rows_are_append_only();

CREATE FUNCTION annotate_label_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' OR NOT EXISTS (
       SELECT 1 FROM annotate_judgment j WHERE j.id = OLD.judgment_id AND j.withdrawn_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a label is immutable: supersede its judgment' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER label_is_immutable BEFORE UPDATE OR DELETE ON annotate_label
  FOR EACH ROW EXECUTE FUNCTION annotate_label_is_immutable();

CREATE FUNCTION annotate_sealed_release_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.state IN ('sealed', 'published', 'withdrawn') AND (
       (to_jsonb(NEW) - '{state,reason}'::text[]) IS DISTINCT FROM (to_jsonb(OLD) - '{state,reason}'::text[])
       OR NEW.state NOT IN ('sealed', 'published', 'withdrawn')) THEN
    RAISE EXCEPTION 'a sealed release is immutable' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sealed_release_is_immutable BEFORE UPDATE OR DELETE ON annotate_release
  FOR EACH ROW EXECUTE FUNCTION annotate_sealed_release_is_immutable();
"""

UNDO = """
DROP TRIGGER sealed_release_is_immutable ON annotate_release;
DROP TRIGGER label_is_immutable ON annotate_label;
DROP TRIGGER consensus_is_append_only ON annotate_consensus;
DROP TRIGGER audit_is_append_only ON annotate_auditevent;
DROP TRIGGER ranked_candidates_are_append_only ON annotate_rankedcandidate;
DROP TRIGGER judgment_is_immutable ON annotate_judgment;
DROP FUNCTION annotate_sealed_release_is_immutable, annotate_label_is_immutable, annotate_rows_are_append_only,
  annotate_judgment_is_immutable;
ALTER TABLE annotate_rankedcandidate DROP CONSTRAINT only_what_was_shown_is_ranked;
"""


class Migration(migrations.Migration):
    dependencies = [("annotate", "0001_records")]

    operations = [
        migrations.RunSQL(SHOWN_BINDS_A_BALLOT + STORAGE + JUDGMENTS_ARE_IMMUTABLE, reverse_sql=UNDO),
    ]
