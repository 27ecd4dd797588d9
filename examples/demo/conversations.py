"""What people ask, which tools an agent calls for it, and what has to be true of the answers."""

from collections.abc import Awaitable, Callable
from typing import Final

from examples.gateway import UPSTREAM_API_KEY, FakeUpstream
from examples.gateway.proxy import GENERAL_FALLBACKS

from .stage import Stage, proves, until

NOBODY: Final = "http://127.0.0.1:9/v1"
"""Where no provider listens."""


async def fallback_paths(stage: Stage) -> None:
    """Every chain of every kind, in order, with the provider behind each name."""
    stage.opens(1, "Fallbacks", "List all active model fallback paths.")
    answer = await stage.call("get_model_info")
    chains = answer["fallbacks"]
    written = [({"default": "*"}.get(c["kind"], c["model"]), c["chain"]) for c in chains if c["kind"] in GENERAL]
    expected = [(model, chain) for rule in GENERAL_FALLBACKS for model, chain in rule.items()]
    proves(written == expected, "the general and default chains are the ones that were written, in order")
    proves({c["kind"] for c in chains} == {*GENERAL, "context_window", "content_policy"}, "every kind is listed")
    broken = [c["missing"] for c in chains if "missing" in c]
    proves(broken == [["retired-model"]], "the chain to a model that does not exist is marked")


GENERAL: Final = ("general", "default")


async def team_key(stage: Stage) -> None:
    """A key for a team: it works at once, and stops at its budget."""
    stage.opens(
        2, "A key with a budget", "Generate a new API key for the 'Customer-Service' team with a $50 monthly budget."
    )
    made = await stage.call("generate_key", team="Customer-Service", max_budget=50, budget_duration="monthly")
    proves(stage.chat(made["key"], "gpt-4o-mini").ok, "the key works at once")
    seen = await stage.call("get_key_info", key=made["key"])
    proves(seen["team_id"] == stage.ledger.teams["Customer-Service"], "it belongs to the team")
    proves(
        (seen["budget"]["max_budget"], seen["budget"]["budget_duration"]) == (50, "1mo"), "its budget is $50 a month"
    )
    tiny = await stage.call("generate_key", team="Customer-Service", max_budget=0.001, budget_duration="monthly")
    stage.chat(tiny["key"], "gpt-4o")

    async def is_refused() -> bool:
        answer = stage.chat_quietly(tiny["key"], "gpt-4o")
        return not answer.ok and "budget" in answer.error.lower()

    await until(is_refused, "a key over its budget is refused")
    answer = stage.chat(tiny["key"], "gpt-4o")
    proves(not answer.ok and "budget" in answer.error.lower(), "a key stops at its budget")


async def spending_of_a_user(stage: Stage) -> None:
    """Tokens, requests, dollars, the most used model, and what remains of the budget."""
    stage.opens(3, "A user's day", "How much has user 'alex_dev' spent on LLM tokens today?")
    answer = await stage.call("get_user_info", user="alex_dev", period="today")
    made = stage.ledger.select(user_id="alex_dev")
    spent = sum(call.spend for call in made)
    usage = answer["usage"]
    proves(abs(usage["spend"] - spent) < 0.00001, f"the ${usage['spend']:.2f} are what the calls cost")
    proves(usage["api_requests"] == len(made), f"the {len(made)} requests are those that were made")
    proves(answer["most_used_model"] == "gpt-3.5-turbo", "the most used model is the one called most often")
    proves(abs(answer["budget"]["remaining"] - (10 - spent)) < 0.00001, "the rest of the daily budget is right")


async def spending_of_a_team(stage: Stage) -> None:
    """One key without a budget made most of it."""
    stage.opens(4, "A department", "Show me all spending for the Marketing department.")
    answer = await stage.call("get_team_info", team="Marketing")
    made = stage.ledger.select(team_id=stage.ledger.teams["Marketing"])
    spent = sum(call.spend for call in made)
    usage = answer["usage"]
    proves(abs(usage["spend"] - spent) < 0.00001, f"the ${usage['spend']:.2f} are what the team's calls cost")
    top = usage["by_key"][0]
    proves(top["name"] == "devin-experiments" and 65 <= top["share_percent"] <= 75, "one key made about 70 % of it")
    proves(any("devin-experiments" in note and "no budget" in note for note in answer["notes"]), "it has no budget")
    added_up = sum(row["spend"] for row in usage["by_key"])
    proves(abs(added_up - usage["spend"]) < 0.0001, "the rows add up to the total")


async def new_endpoint(stage: Stage) -> None:
    """Created, proven by a real call, used, and removed; broken ones leave nothing behind."""
    with FakeUpstream() as upstream:
        stage.opens(5, "A new endpoint", f"Add our model house-1, an OpenAI-compatible server at {upstream.base_url}.")
        wanted = {"model_name": "house-1", "model": "openai/house-1", "api_base": upstream.base_url}
        prices = {"input_cost_per_token": 0.000002, "output_cost_per_token": 0.000008}
        stage.types = "127.0.0.1"
        made = await stage.call("create_model", **wanted, api_key=UPSTREAM_API_KEY, **prices)
        proves("no deployment of this gateway has that address" in stage.questions[-1], "the form said what is new")
        proves(made["verified"] and upstream.requests > 0, "the proxy really called the new endpoint to test it")
        before = upstream.requests
        answer = stage.chat(stage.ledger.keys["ci-pipeline"].raw, "house-1")
        proves(answer.ok and upstream.requests == before + 1, "a chat call through the proxy reaches it")
        wrong = await stage.fails(
            "create_model", **{**wanted, "model_name": "house-2"}, api_key="sk-not-the-key-of-house-1"
        )
        proves("sk-not-the-key" not in wrong, "a wrong key is reported in the provider's words, without the key")
        await stage.fails(
            "create_model", model_name="house-3", model="openai/house-3", api_base=NOBODY, api_key=UPSTREAM_API_KEY
        )
        names = {d["model_name"] for d in (await stage.look("get_model_info", limit=200))["deployments"]}
        proves("house-1" in names and not {"house-2", "house-3"} & names, "what failed its test left nothing behind")
        stage.types = "house-1"
        gone = await stage.call("delete_model", model="house-1")
        proves(gone["status"] == "deleted" and gone["remaining_deployments"] == 0, "the endpoint is removed")


async def dead_provider(stage: Stage) -> None:
    """Fails before, succeeds after."""
    stage.opens(6, "A dead provider", "Calls to legacy-assistant fail since this morning. Find a way out.")
    key = stage.ledger.keys["ci-pipeline"].raw
    proves(not stage.chat(key, "legacy-assistant").ok, "the model's provider is dead, and so is its fallback")
    before = await stage.call("get_model_info", model="legacy-assistant")
    (chain,) = [c["chain"] for c in before["fallbacks"] if c["model"] == "legacy-assistant"]
    proves(chain == ["legacy-assistant-eu"], "its chain ends at another dead endpoint")
    stage.types = "assistant"
    made = await stage.call(
        "create_model",
        model_name="assistant",
        model="openai/assistant",
        litellm_params={"mock_response": "Hello from the new assistant"},
        fallback_for=["legacy-assistant"],
    )
    (chain,) = [c["chain"] for c in made["fallbacks"] if c["model"] == "legacy-assistant"]
    proves(chain == ["legacy-assistant-eu", "assistant"], "the chain has one more step, and lost none")

    async def succeeds() -> bool:
        return stage.chat_quietly(key, "legacy-assistant").ok

    await until(succeeds, "the new fallback answers")
    proves(stage.chat(key, "legacy-assistant").ok, "the call that failed before succeeds")


async def leaked_key(stage: Stage) -> None:
    """Shown, agreed to by typing its name, and refused from then on."""
    leaked = stage.ledger.keys["alex-laptop"].raw
    stage.opens(7, "A leaked key", f"This key is in a public repository, kill it: {leaked[:5]}…{leaked[-4:]}")
    stage.types = "alex-laptop"
    gone = await stage.call("delete_key", key=leaked)
    question = stage.questions[-1]
    proves("alex_dev" in question and "$" in question, "the form showed its owner and what it spent")
    proves(leaked not in question, "the key itself was not repeated")
    proves(gone["status"] == "deleted" and gone["verified"], "it is deleted")
    proves(stage.chat(leaked, "gpt-4o").status == 401, "the next call with it is refused")


async def new_user(stage: Stage) -> None:
    """Registered, given a key, and every call reported; likewise a customer."""
    stage.opens(8, "A new colleague", "Robin joins Research, with $20 a day. Set that up and tell me what Robin uses.")
    await stage.call(
        "create_user",
        user_id="robin",
        user_email="robin@example.com",
        teams=["Research"],
        max_budget=20,
        budget_duration="daily",
    )
    made = await stage.call("generate_key", user="robin", team="Research")
    used = [stage.chat(made["key"], model) for model in ("gpt-4o", "gpt-4o", "claude-sonnet")]
    tokens = sum(int(answer.body["usage"]["total_tokens"]) for answer in used)

    async def is_booked() -> bool:
        usage = (await stage.look("get_user_info", user="robin", period="today"))["usage"]
        return int(usage["api_requests"]) == len(used)

    await until(is_booked, "the proxy books the three calls")
    usage = (await stage.call("get_user_info", user="robin", period="today"))["usage"]
    proves((usage["api_requests"], usage["total_tokens"]) == (3, tokens), "it reports exactly those three calls")
    await _customer(stage)


async def _customer(stage: Stage) -> None:
    stage.types = "initech"
    await stage.call("create_user", user_id="initech", kind="customer", max_budget=5)
    key = stage.ledger.keys["ci-pipeline"].raw
    used = [stage.chat(key, "gpt-4o-mini", user="initech") for _ in range(2)]
    tokens = sum(int(answer.body["usage"]["total_tokens"]) for answer in used)

    async def is_booked() -> bool:
        usage = (await stage.look("get_user_info", user="initech", kind="customer", period="today"))["usage"]
        return int(usage["api_requests"]) == len(used)

    await until(is_booked, "the proxy books the customer's calls")
    usage = (await stage.call("get_user_info", user="initech", kind="customer", period="today"))["usage"]
    proves((usage["api_requests"], usage["total_tokens"]) == (2, tokens), "it reports exactly the customer's two calls")


CONVERSATIONS: Final[tuple[Callable[[Stage], Awaitable[None]], ...]] = (
    fallback_paths,
    team_key,
    spending_of_a_user,
    spending_of_a_team,
    new_endpoint,
    dead_provider,
    leaked_key,
    new_user,
)
