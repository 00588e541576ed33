using Gateway.Host.Journal.History;
using Gateway.Host.Journal.Snapshots;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Gateway.Projections.Folds;

namespace Gateway.Host.Journal.Bundles;

/// <summary>What was archived.</summary>
/// <param name="Bundle">Path of the bundle.</param>
public sealed record ArchivedPeriod(long From, long To, string Bundle);

/// <summary>
/// Moves the older events of a journal into a bundle. The bundle is written, synced and verified by reading it back before anything leaves the journal; the
/// journal keeps the position and hash that it goes on from, and the state that the archived events led to, so that it starts without them.
/// </summary>
public sealed class Archiver(SqliteJournal journal, JournalHistory history, string folder)
{
    private static readonly SemaphoreSlim _one = new(1, 1);

    /// <summary>Archives everything up to <paramref name="to"/>; null when that is archived already.</summary>
    /// <exception cref="JournalDamagedException">What was to be archived is damaged: nothing was.</exception>
    /// <exception cref="IOException">The folder cannot be written: nothing was archived.</exception>
    public async Task<ArchivedPeriod?> ArchiveAsync(long to, BundleSigning signing, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var begin = (await journal.BaseAsync(cancellationToken).ConfigureAwait(false))?.Head ?? JournalHead.Empty;
            if (to <= begin.Position) return null;
            var path = Path.Combine(folder, ArchivedJournal.NameOf(signing.Gateway, begin.Position + 1, to));
            var head = await WriteAsync(path, begin, to, signing, cancellationToken).ConfigureAwait(false);
            var state = await history.AtAsync(new Projections.Moment.AtPosition(to), blame: true, cancellationToken).ConfigureAwait(false);
            if (state?.Head != head) throw new JournalDamagedException(to, $"Position {to} is not the one that the bundle ends with.");
            var packed = Octets.Owning(SnapshotFile.Pack(StateDocument.Write(state.Fold)));
            await journal.ArchiveAsync(new JournalBase(head, packed, Path.GetFileName(path), signing.Clock.GetUtcNow()), cancellationToken).ConfigureAwait(false);
            return new ArchivedPeriod(begin.Position + 1, to, path);
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task<JournalHead> WriteAsync(string path, JournalHead begin, long to, BundleSigning signing, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        var fresh = path + ".new";
        try
        {
            JournalHead head;
            var file = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None);
            await using (file.ConfigureAwait(false))
            {
                File.SetUnixFileMode(file.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                head = await BundleWriter.WriteAsync(journal, begin, to, signing, file, cancellationToken).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
            }

            var bundle = BundleReader.Open(fresh);
            var check = await JournalVerifier.HoldAsync(bundle, new VerifyAgainst { Begin = begin, Heads = bundle.Heads(), Key = signing.Key, MayEndEarly = true }, cancellationToken).ConfigureAwait(false);
            if (check.Problem is { } problem || check.Head != head) throw new IOException($"The bundle {fresh} does not read back as it was written: {check.Problem ?? "it ends elsewhere"}");
            File.Move(fresh, path, overwrite: true);
            return head;
        }
        finally
        {
            File.Delete(fresh);
        }
    }
}
