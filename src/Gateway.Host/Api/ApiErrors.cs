using Gateway.Host.Journal;
using Gateway.Policy.Journal;

namespace Gateway.Host.Api;

/// <summary>Turns what can go wrong into an <see cref="ApiProblem"/>; a bug becomes 500 without its details.</summary>
internal sealed class ApiErrors(RequestDelegate next, ILogger<ApiErrors> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (AskedWrongException e)
        {
            await AnswerAsync(context, StatusCodes.Status400BadRequest, new ApiProblem(e.Code, e.Message)).ConfigureAwait(false);
        }
        catch (BadHttpRequestException e)
        {
            await AnswerAsync(context, e.StatusCode, new ApiProblem("bad-request", e.Message)).ConfigureAwait(false);
        }
        catch (JournalDamagedException e)
        {
            await AnswerAsync(context, StatusCodes.Status500InternalServerError, new ApiProblem("journal-damaged", e.Message)).ConfigureAwait(false);
        }
        catch (JournalUnavailableException e)
        {
            await AnswerAsync(context, StatusCodes.Status503ServiceUnavailable, new ApiProblem("journal-unavailable", e.Message)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            ApiLog.RequestFailed(log, context.Request.Path, e);
            await AnswerAsync(context, StatusCodes.Status500InternalServerError, new ApiProblem("internal", "The gateway failed on this request; its log says more.")).ConfigureAwait(false);
        }
    }

    private static async Task AnswerAsync(HttpContext context, int status, ApiProblem problem)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = status;
        await context.Response.WriteAsJsonAsync(problem, ApiJson.Options).ConfigureAwait(false);
    }
}
